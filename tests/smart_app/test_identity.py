"""Images and chart are the same person only when two facts say so."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from inference.results import Identity
from smart_app.cases.identity import require_same_patient
from smart_app.errors import IdentityMismatchError, UnconfirmedIdentityError

CHART = Identity(
    identifiers=frozenset({"SB-1", "999-00-1111"}),
    family="Núñez-O'Hara",
    given="Ada",
    birth_date=date(1961, 4, 12),
    sex="female",
)


def images(**changes: Any) -> Identity:  # noqa: ANN401
    return replace(CHART, identifiers=frozenset({"SB-1"}), **changes)


@pytest.mark.parametrize(
    "agreeing",
    [
        images(),
        images(family="NUNEZ OHARA", given="ADA MARIA"),
        images(family=None, given=None),  # number and birth date
        images(birth_date=None),  # number and name
        images(sex="other"),
        images(family="Married", given="Ada"),  # number and birth date outweigh it
        replace(images(), identifiers=frozenset({"OTHER-7"})),  # name and birth date
        replace(images(), identifiers=frozenset()),
    ],
)
def test_two_facts_that_agree_are_enough(agreeing: Identity) -> None:
    require_same_patient(CHART, agreeing)


@pytest.mark.parametrize(
    ("contradiction", "word"),
    [
        (images(birth_date=date(1961, 12, 4)), "birth date"),
        (images(sex="male"), "sex"),
        (replace(images(family="Other"), identifiers=frozenset({"X"})), "name"),
    ],
)
def test_a_contradiction_stops(contradiction: Identity, word: str) -> None:
    with pytest.raises(IdentityMismatchError, match=word):
        require_same_patient(CHART, contradiction)


@pytest.mark.parametrize(
    "vague",
    [
        images(family=None, birth_date=None),
        images(given=None, birth_date=None),
        replace(images(birth_date=None), identifiers=frozenset()),
        replace(images(family=None), identifiers=frozenset({" "})),
        Identity(
            identifiers=frozenset(), family=None, given=None, birth_date=None, sex=None
        ),
    ],
)
def test_fewer_than_two_facts_stop(vague: Identity) -> None:
    with pytest.raises(UnconfirmedIdentityError, match="only agreeing"):
        require_same_patient(CHART, vague)


def test_the_message_for_the_log_names_no_value() -> None:
    with pytest.raises(IdentityMismatchError) as raised:
        require_same_patient(CHART, images(birth_date=date(1999, 9, 9)))
    assert "1999" not in str(raised.value)
    assert "SB-1" not in repr(CHART)
