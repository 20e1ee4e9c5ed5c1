"""Every error has a status, a headline and an advice; the log has no secrets."""

import logging
from collections.abc import Iterator

import pytest

import smart_app.launch_errors  # noqa: F401 - defines subclasses
from fhir_mappings.errors import MappingError
from inference.errors import InferenceError
from smart_app.errors import AppError, advice_of, status_of, title_of
from smart_app.log import FramesOnlyFormatter, configure_logging

ROOTS: tuple[type[Exception], ...] = (AppError, InferenceError, MappingError)


def subclasses(family: type[Exception]) -> Iterator[type[Exception]]:
    for child in family.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.mark.parametrize(
    "error_class", [child for root in ROOTS for child in subclasses(root)]
)
def test_every_error_has_a_status_a_headline_and_an_advice(
    error_class: type[Exception],
) -> None:
    error = error_class("for the log")
    assert 400 <= status_of(error) < 600
    assert title_of(error)
    assert "for the log" not in advice_of(error)
    assert advice_of(error).endswith(".")


def test_an_unexpected_error_shows_nothing_of_its_message() -> None:
    assert "Ada" not in advice_of(ValueError("Ada Example"))


def test_the_log_shows_frames_and_never_the_message() -> None:
    try:
        try:
            raise KeyError("Ada Example")  # noqa: TRY301 - the chain is the point
        except KeyError as error:
            raise ValueError("born 1961-04-12") from error
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
        text = FramesOnlyFormatter().formatException(info)
    assert "builtins.ValueError" in text
    assert "builtins.KeyError" in text
    lines = [line for line in text.splitlines() if "raise " not in line]
    assert not any("Ada" in line or "1961" in line for line in lines)


def test_libraries_that_write_urls_are_silent() -> None:
    configure_logging()
    assert logging.getLogger("urllib3.connectionpool").getEffectiveLevel() >= 40
