"""How a Pfirrmann grade is written: its numeral, its probability, its words.

The probability is a component of the Observation and no extension: the one for it
(AI Transparency on FHIR) is in ballot, and a server that does not know an extension may
drop it or refuse the resource.
"""

from typing import Final

from fhir_mappings.codes import PFIRRMANN_GRADES
from fhir_mappings.datatypes import Resource, quantity
from fhir_mappings.measures import Unit
from inference.results import DiscFindings, DiscGrading, FindingKind

#: Our choice of two digits: readers differ by much more than a hundredth.
PROBABILITY: Final = Unit(unit="1", code="1", digits=2)
METHOD: Final = (
    "Pfirrmann grade I to V (Pfirrmann 2001, doi:10.1097/00007632-200109010-00011), "
    "mid-sagittal T2"
)
# van der Graaf 2024, doi:10.1038/s41597-024-03090-w
ORIGIN: Final = "The model was trained on the radiological gradings of SPIDER."

NOT_FOUND: Final = (
    "These are estimates of a model. A low probability does not rule a finding out: "
    "look at the images."
)


def finding_words(item: DiscFindings) -> str:
    """Return the probabilities of a disc, such as ``"narrowing 0.93, bulging 0.5"``."""
    found = {kind: item.probability(kind) for kind in FindingKind}
    return ", ".join(
        f"{kind} {probability_quantity(value)['value']}"
        if value is not None
        else f"{kind} not assessed"
        for kind, value in found.items()
    )


def grade_numeral(grading: DiscGrading) -> str:
    """Return the grade as it is read, such as ``"III"``."""
    name: str = PFIRRMANN_GRADES[grading.pfirrmann]["display"]
    return name.rpartition(" ")[2]


def probability(grading: DiscGrading) -> Resource:
    """Return the probability of the grade itself as a Quantity, rounded."""
    return probability_quantity(grading.probabilities[grading.pfirrmann - 1])


def probability_quantity(value: float) -> Resource:
    """Return a probability as a Quantity, rounded."""
    unit = PROBABILITY
    return quantity(value, unit=unit.unit, code=unit.code, digits=unit.digits)
