"""A site's own codes, and the narrower codes of a hierarchy, as a table.

The table is JSON, one per server::

    {
      "flags": {"http://snomed.info/sct|363349007": "malignant neoplastic disease"},
      "values": {"urn:oid:1.2.3|NRS-LEG": "leg_pain_nrs"},
      "treatments": {"urn:oid:1.2.3|PT": "exercise or physical therapy"},
      "odi_questionnaires": ["https://ehr.example/Questionnaire/oswestry"],
      "options": {"urn:oid:1.2.3|ORTHO": "referral for a surgical opinion"}
    }

Left stands ``system|code``, right the value of a ``Flag``, the name of a field of
``ClinicalFeatures``, the value of a ``TreatmentKind``, or one of the ``OPTIONS``: what
was chosen, which only ``treatment_rows`` reads.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappings.chart_codes import Code
from fhir_mappings.errors import SiteTableError
from inference.cohort.inputs import OPTIONS
from inference.results import Flag, Option, TreatmentKind

_PARTS: Final = frozenset(
    {"flags", "values", "treatments", "odi_questionnaires", "options"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCodes:
    """What a site says that its codes mean, beside the codes that everybody shares.

    Attributes:
        flags: Codes of conditions.
        values: Codes of Observations, to names of fields of ``ClinicalFeatures``.
        treatments: Codes of procedures, orders and drugs.
        odi_questionnaires: Canonical URLs of the Oswestry questionnaire.
        options: Codes of orders and procedures that carry out a decision.

    """

    flags: Mapping[Code, Flag] = field(default_factory=dict)
    values: Mapping[Code, str] = field(default_factory=dict)
    treatments: Mapping[Code, TreatmentKind] = field(default_factory=dict)
    odi_questionnaires: frozenset[str] = frozenset()
    options: Mapping[Code, Option] = field(default_factory=dict)


NO_SITE_CODES: Final = SiteCodes()


def site_codes(document: object, *, fields: frozenset[str]) -> SiteCodes:
    """Read a table.

    Args:
        document: The parsed JSON.
        fields: Names of fields that an Observation may fill.

    Raises:
        SiteTableError: It is not usable; the message names everything that is wrong.

    """
    if not isinstance(document, dict):
        raise SiteTableError("the table of codes is no JSON object")
    problems = [f"unknown part {name!r}" for name in sorted({*document} - _PARTS)]
    urls = document.get("odi_questionnaires", [])
    if not (isinstance(urls, list) and all(isinstance(url, str) for url in urls)):
        problems.append("odi_questionnaires is no list of URLs")
    flags = dict(_pairs(document, "flags", problems))
    values = dict(_pairs(document, "values", problems))
    treatments = dict(_pairs(document, "treatments", problems))
    options = dict(_pairs(document, "options", problems))
    problems += _unknown("flags", flags, [*Flag])
    problems += _unknown("values", values, fields)
    problems += _unknown("treatments", treatments, [*TreatmentKind])
    problems += _unknown("options", options, OPTIONS)
    if problems:
        raise SiteTableError("; ".join(problems))
    return SiteCodes(
        flags={code: Flag(word) for code, word in flags.items()},
        values=values,
        treatments={code: TreatmentKind(word) for code, word in treatments.items()},
        odi_questionnaires=frozenset(urls),
        options={code: Option(word) for code, word in options.items()},
    )


def _pairs(
    document: Mapping[str, Any], part: str, problems: list[str]
) -> Iterator[tuple[Code, str]]:
    table = document.get(part, {})
    if not isinstance(table, dict):
        problems.append(f"{part} is no object")
        return
    for key, word in table.items():
        system, bar, code = key.rpartition("|")
        if not (system and bar and code):
            problems.append(f"{part}: {key!r} is not system|code")
        yield (system, code), str(word)


def _unknown(part: str, table: Mapping[Code, str], known: Collection[str]) -> list[str]:
    words = sorted({word for word in table.values() if word not in known})
    return [f"{part}: {word!r} is not known here" for word in words]
