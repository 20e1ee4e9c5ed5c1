"""Are the images of the patient whose chart is open? Pure.

Two facts must agree (The Joint Commission, NPSG.01.01.01: "at least two patient
identifiers"): a record number, the name, or the birth date. A fact that is absent
counts for nothing. The check stops on

* a birth date or a sex (male, female) that differs,
* a record number and a name that both differ,
* fewer than two facts that agree.

Names are compared without case, accents and punctuation; of given names the first
word is compared, because archives shorten them.
"""

import unicodedata

from inference.results import Identity
from smart_app.errors import IdentityMismatchError, UnconfirmedIdentityError

NEEDED_FACTS = 2
COMPARED_SEXES = frozenset({"male", "female"})  # "other" contradicts nothing


def require_same_patient(chart: Identity, images: Identity) -> None:
    """Check that images and chart are surely the same person.

    Raises:
        IdentityMismatchError: They contradict each other.
        UnconfirmedIdentityError: Fewer than two facts agree.

    """
    facts = {
        "identifier": _same_identifier(chart, images),
        "name": _same_name(chart, images),
        "birth date": _same(chart.birth_date, images.birth_date),
    }
    if conflict := _conflict(chart, images, facts):
        raise IdentityMismatchError(f"images and chart differ: {conflict}")
    agreeing = [name for name, is_same in facts.items() if is_same]
    if len(agreeing) < NEEDED_FACTS:
        raise UnconfirmedIdentityError(f"only agreeing: {agreeing or 'nothing'}")


def _conflict(
    chart: Identity, images: Identity, facts: dict[str, bool | None]
) -> str | None:
    if facts["birth date"] is False:
        return "birth date"
    sexes = {chart.sex, images.sex}
    if len(sexes) > 1 and sexes <= COMPARED_SEXES:
        return "sex"
    if facts["identifier"] is False and facts["name"] is False:
        return "identifier and name"
    return None


def _same(first: object, second: object) -> bool | None:
    if first is None or second is None:
        return None
    return first == second


def _same_identifier(chart: Identity, images: Identity) -> bool | None:
    chart_ids = {value.strip() for value in chart.identifiers} - {""}
    image_ids = {value.strip() for value in images.identifiers} - {""}
    if not chart_ids or not image_ids:
        return None
    return bool(chart_ids & image_ids)


def _same_name(chart: Identity, images: Identity) -> bool | None:
    if not (chart.family and images.family):
        return None
    if _plain(chart.family) != _plain(images.family):
        return False
    if not (chart.given and images.given):
        return None  # a family name alone confirms nobody
    return _plain(chart.given.split()[0]) == _plain(images.given.split()[0])


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())
