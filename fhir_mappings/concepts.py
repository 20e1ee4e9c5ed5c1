"""What a CodeableConcept says (https://hl7.org/fhir/R4/datatypes.html)."""

from collections.abc import Iterator

from fhir_mappings.chart_codes import Code
from fhir_mappings.datatypes import Resource


def codes_of(concept: Resource) -> Iterator[Code]:
    """Yield all codes of a valid CodeableConcept."""
    for coding in concept.get("coding", []):
        yield coding.get("system", ""), coding.get("code", "")


def words_of(concept: Resource) -> str:
    """Return the words of a valid CodeableConcept, empty where it has none."""
    displays = [coding.get("display", "") for coding in concept.get("coding", [])]
    return next(filter(None, [concept.get("text", ""), *displays]), "")
