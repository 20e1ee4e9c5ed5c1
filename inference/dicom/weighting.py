"""Which contrast a frame shows, and whether it shows anatomy at all.

The rule, in this order; what the scanner measured goes before what somebody typed:

1. *fat-suppressed*: a short inversion time, spectral suppression, ScanOptions FS, a TIR
   sequence, a water image of Dixon, or a description that says so.
2. *unknown*: a long inversion (fluid is dark, as in FLAIR), or a gradient echo that is
   not described as T1 (T2 would be T2*).
3. *T2*: long echo and repetition time. *T1*: both short, or an inversion between.
4. Echo or repetition time absent: what the description says.
5. *unknown*: everything else, such as proton density.
"""

import re
from typing import Final

from inference.dicom.header import Header
from inference.results import Weighting

#: T2 weighting: our choice, below every T2 of SPIDER (80 and 1000 ms) and above every
#: T1 (14 and 746 ms).
MIN_T2_ECHO_MS: Final = 50.0
MIN_T2_REPETITION_MS: Final = 1000.0
MAX_T1_ECHO_MS: Final = 30.0  # our choice: twice the longest T1 echo of SPIDER
MAX_T1_REPETITION_MS: Final = 1200.0  # our choice: short against T1 of disc and bone
#: Inversion nulls fat at up to ln 2 times its T1 (343 ms at 1.5 T, 382 ms at 3 T, de
#: Bazelaire 2004, doi:10.1148/radiol.2303021331), earlier where repetition is short.
#: Our choice of a range around that, and of where fluid begins to be nulled instead.
FAT_INVERSION_MS: Final = (80.0, 300.0)
FLUID_INVERSION_MS: Final = 1500.0

_SAYS_SUPPRESSED: Final = re.compile(
    r"(?<![a-z])(stir|tirm?|fs|fat[ _-]?(sat|sup)[a-z]*|spa?ir|water)(?![a-z])"
    r"|dixon.*[ _-]w$"
)
_SAYS_FAT_ALONE: Final = re.compile(r"dixon.*[ _-]f$")
_SAYS_WEIGHTING: Final = re.compile(r"(?<![a-z0-9])(t[12])(?![0-9*])")
_SUPPRESSING_OPTIONS: Final = frozenset({"FS", "FATSAT", "FAT_SAT"})
_SUPPRESSED_SPECTRA: Final = frozenset({"FAT", "FAT AND WATER"})
_WATER: Final = frozenset({"WATER", "W"})
_FIELD_MAP: Final = frozenset({"PHASE", "P", "PHASE MAP", "B0 MAP", "VELOCITY MAP"})
_DERIVED_MAP: Final = frozenset({"ADC", "FA", "T1 MAP", "T2 MAP", "T2_STAR MAP"})
_NO_ANATOMY: Final = (
    frozenset({"LOCALIZER", "PROJECTION IMAGE", "SUBTRACTION", "FAT", "F", "R", "I"})
    | frozenset({"REAL", "IMAGINARY"})
    | _FIELD_MAP
    | _DERIVED_MAP
)
_LOCALIZER: Final = re.compile(r"(?<![a-z])(loc|locali[sz]er|scout|survey)(?![a-z])")
_OPPOSED: Final = frozenset({"OPP_PHASE", "OUT_PHASE", "OP"})


def weighting_of(header: Header) -> Weighting:
    """Return the contrast of a frame by the rule above."""
    inversion = _inversion_ms(header)
    if _is_fat_suppressed(header, inversion):
        return Weighting.FAT_SUPPRESSED
    if inversion is not None and inversion >= FLUID_INVERSION_MS:
        return Weighting.UNKNOWN
    echo, repetition = echo_ms(header), header.number("RepetitionTime")
    described = _described(header)
    if _is_gradient_echo(header):
        return described if described is Weighting.T1 else Weighting.UNKNOWN
    if not echo or not repetition:
        return described
    if echo >= MIN_T2_ECHO_MS and repetition >= MIN_T2_REPETITION_MS:
        return Weighting.T2
    is_t1 = repetition <= MAX_T1_REPETITION_MS or inversion is not None
    return Weighting.T1 if is_t1 and echo <= MAX_T1_ECHO_MS else Weighting.UNKNOWN


def echo_ms(header: Header) -> float | None:
    """Return the echo time that makes the contrast."""
    effective = header.number("EffectiveEchoTime")
    return header.number("EchoTime") if effective is None else effective


def image_type(header: Header) -> tuple[str, ...]:
    """Return what the frame, or else its instance, says of its own making."""
    return header.words("FrameType") or header.words("ImageType")


def reason_to_leave(header: Header) -> str | None:
    """Say why a frame shows no anatomy to measure, ``None`` where it does."""
    kind, description = image_type(header), _description(header)
    found = [word for word in kind if word in _NO_ANATOMY]
    found += [
        word
        for word in header.words("ComplexImageComponent")[:1]
        if word != "MAGNITUDE"
    ]
    is_echo_planar = "EP" in header.words("ScanningSequence") or header.words(
        "EchoPlanarPulseSequence"
    ) == ("YES",)
    signs = {
        "derived": "SECONDARY" in kind,
        "fat": _SAYS_FAT_ALONE.search(description),
        "localizer": _LOCALIZER.search(description),
        "echo-planar": is_echo_planar,
    }
    found += [name for name, is_so in signs.items() if is_so]
    return f"{found[0].lower()} image" if found else None


def is_derived(header: Header) -> bool:
    """Tell whether a frame was calculated, such as a reformatted one."""
    return image_type(header)[:1] == ("DERIVED",)


def is_opposed_phase(header: Header) -> bool:
    """Tell whether fat and water cancel at their borders, as in Dixon's second echo."""
    return bool(_OPPOSED & {*image_type(header)})


def _is_fat_suppressed(header: Header, inversion: float | None) -> bool:
    low, high = FAT_INVERSION_MS
    return (
        (inversion is not None and low <= inversion <= high)
        or bool(_SUPPRESSED_SPECTRA & {*header.words("SpectrallySelectedSuppression")})
        or bool(_SUPPRESSING_OPTIONS & {*header.words("ScanOptions")})
        or (inversion is None and "TIR" in header.text("SequenceName").upper())
        or bool(_WATER & {*image_type(header)})
        or _SAYS_SUPPRESSED.search(_description(header)) is not None
    )


def _inversion_ms(header: Header) -> float | None:
    """Return the inversion time; some scanners write 0 where there was none."""
    several = header.number("InversionTimes")
    return (header.number("InversionTime") if several is None else several) or None


def _is_gradient_echo(header: Header) -> bool:
    sequence = header.words("ScanningSequence")
    is_classic = "GR" in sequence and "SE" not in sequence
    return is_classic or header.words("EchoPulseSequence") == ("GRADIENT",)


def _described(header: Header) -> Weighting:
    said = {match.upper() for match in _SAYS_WEIGHTING.findall(_description(header))}
    return Weighting(said.pop()) if len(said) == 1 else Weighting.UNKNOWN


def _description(header: Header) -> str:
    return header.text("SeriesDescription").lower()
