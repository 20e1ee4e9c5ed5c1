"""The EHR's colors are used where they can be read, and can be nothing but colors."""

from typing import Any

import pytest

from smart_app.launch.ehr_style import as_css, contrast, style_from


def test_readable_colors_and_plain_fonts_are_taken() -> None:
    document = {
        "color_background": "#edeae3",
        "color_text": "#303030",
        "color_highlight": "#00638a",
        "dim_border_radius": "6px",
        "font_family_body": "Georgia, 'Times New Roman', serif",
    }
    assert as_css(style_from(document)) == (
        ":root {\n  --ground: #edeae3;\n  --ink: #303030;\n  --accent: #00638a;\n"
        "  --radius: 6px;\n  font-family: Georgia, 'Times New Roman', serif;\n}\n"
    )


@pytest.mark.parametrize(
    "document",
    [
        {"color_text": "#777777"},  # 4.48 on white
        {"color_text": "#757575", "color_background": "#eeeeee"},
        {"color_background": "#000000"},
        {"color_highlight": "red; } body { display: none"},
        {"color_highlight": "url(https://evil.example/x)"},
        {"color_text": "#12345"},
        {"font_family_body": "x'; } * { display: none } '"},
        {"font_family_body": "O'Font"},
        {"dim_border_radius": "999px"},
        {"color_error": 7},
    ],
)
def test_what_is_unreadable_or_no_value_is_left_out(document: dict[str, Any]) -> None:
    taken = style_from(document)
    assert not set(taken) - {"--ground"}
    assert taken.get("--ground") in {None, "#eeeeee"}


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
