"""How far the names of the levels are to be trusted, and who settled them."""

from collections.abc import Iterator

from inference.results import CaseReport, Vertebra

_NUMBERS = ("one", "two", "three")


def name_notes(report: CaseReport) -> Iterator[str]:
    """Say where names were moved by a person, or only proposed and then confirmed."""
    if report.level_shift:
        yield shift_sentence(report.level_shift)
    elif report.needs_level_check:
        yield (
            "The level names were proposed with a confidence of "
            f"{report.level_confidence:.0%} and confirmed by the signer."
        )


def shift_sentence(shift: int) -> str:
    """Say by how much a clinician moved the names, with an example."""
    names = list(Vertebra)
    steps = _NUMBERS[abs(shift) - 1]
    if shift > 0:
        way, before, after = "higher", names[-1], names[-1 - shift]
    else:
        way, before, after = "lower", names[-1 + shift], names[-1]
    return (
        f"Level names were moved by the clinician, {steps} {way} than the software "
        f"proposed: its {before} is {after} here."
    )


def name_parts(report: CaseReport) -> tuple[str, ...]:
    """Return what an identifier adds where the names were moved, else nothing.

    The same number at another level is another statement.
    """
    return ("level-shift", str(report.level_shift)) if report.level_shift else ()
