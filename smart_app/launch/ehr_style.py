"""Colors and fonts of the EHR (``smart_style_url``, SMART App Launch 2.2, 3.0.11).

The document is somebody else's text that ends up in a style sheet: only values of a
known form are taken, and only colors that can be read on these pages. What is left out
keeps our own value. ``dim_font_size`` and ``dim_spacing_size`` are not taken, because
the pages set sizes of their own and follow the browser's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

MIN_CONTRAST: Final = 4.5  # WCAG 2.1, 1.4.3
DARK: Final = 0.04045  # below it sRGB is linear
PAPER: Final = "#ffffff"
SOFT_INK: Final = "#4a5b64"  # the palest text of static/app.css
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_PIXELS: Final = re.compile(r"\d{1,2}(?:\.\d)?px")
_FONTS: Final = re.compile(r"[A-Za-z0-9 ,'\"-]{1,200}")

Style = dict[str, str]


def style_from(document: Mapping[str, Any]) -> Style:
    """Return our custom properties and ``font-family``, as far as they are usable."""
    ground = _color(document, "color_background")
    if ground and contrast(SOFT_INK, ground) < MIN_CONTRAST:
        ground = None
    behind = [PAPER, *([ground] if ground else [])]
    found = {
        "--ground": ground,
        "--ink": _readable(document, "color_text", behind),
        "--accent": _readable(document, "color_highlight", behind),
        "--red": _readable(document, "color_error", behind),
        "--green": _readable(document, "color_success", behind),
        "--radius": _matching(document, "dim_border_radius", _PIXELS),
        "font-family": _matching(document, "font_family_body", _FONTS),
    }
    return {name: value for name, value in found.items() if value}


def as_css(style: Mapping[str, str]) -> str:
    """Return a style sheet; balanced quotes keep a font from ending it early."""
    lines = (f"  {name}: {value};" for name, value in style.items())
    return "\n".join([":root {", *lines, "}", ""])


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colors (WCAG 2.1), 1 to 21."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _readable(document: Mapping[str, Any], name: str, behind: list[str]) -> str | None:
    color = _color(document, name)
    if color and all(contrast(color, other) >= MIN_CONTRAST for other in behind):
        return color
    return None


def _color(document: Mapping[str, Any], name: str) -> str | None:
    return _matching(document, name, _HEX)


def _matching(
    document: Mapping[str, Any], name: str, form: re.Pattern[str]
) -> str | None:
    value = document.get(name)
    if not isinstance(value, str) or not form.fullmatch(value.strip()):
        return None
    is_balanced = value.count("'") % 2 == value.count('"') % 2 == 0
    return value.strip() if is_balanced else None


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    # relative luminance of WCAG 2.1, for sRGB
    return part / 12.92 if part <= DARK else ((part + 0.055) / 1.055) ** 2.4


def _parts(color: str) -> Iterator[float]:
    digits = color.removeprefix("#")
    if len(digits) == len("rgb"):
        digits = "".join(2 * digit for digit in digits)
    return (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
