"""What the documents point to is there."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
LINK: Final = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")
PLACE: Final = re.compile(r"`((?:inference|docs|smart_app|benchmarks)/[\w/.-]+)`")


@pytest.mark.parametrize("name", ["checklists.md", "data-sheets.md", "measurements.md"])
def test_every_file_that_a_document_points_to_is_there(name: str) -> None:
    page = ROOT / "docs" / name
    text = page.read_text("utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link]
    gone = [link for link in links if not (page.parent / link).exists()]
    gone += [place for place in PLACE.findall(text) if not (ROOT / place).exists()]
    assert gone == []


def test_every_item_of_both_checklists_is_answered() -> None:
    text = (ROOT / "docs" / "checklists.md").read_text("utf-8")
    tripod, claim = text.split("## CLAIM")
    for part, count in ((tripod, 27), (claim, 42)):
        items = " ".join(re.findall(r"^\| ([\d, a-g]+) \|", part, re.MULTILINE))
        assert {int(item) for item in re.findall(r"\d+", items)} == {
            *range(1, count + 1)
        }
