"""One entry of the list of EHRs, read field by field; problems are collected."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from smart_app.settings import is_secure

Json = dict[str, Any]


class Fields:
    """The fields of one entry. What is wrong is added to ``problems`` with its value.

    Attributes:
        where: What to call the entry in a problem.
        entry: The entry itself.
        problems: What is wrong with all entries so far.

    """

    def __init__(
        self,
        index: int,
        entry: Mapping[str, Any],
        problems: list[str],
        env: Mapping[str, str] = os.environ,
    ) -> None:
        name = entry.get("issuer")
        self.where = f"entry {index} ({name})" if name else f"entry {index}"
        self.entry = entry
        self.problems = problems
        self._env = env

    def wrong(self, problem: str) -> None:
        """Add a problem."""
        self.problems.append(f"{self.where}: {problem}")

    def only(self, names: Collection[str]) -> None:
        """Refuse fields that nobody knows: they are misspelled."""
        for name in sorted(set(self.entry) - set(names)):
            self.wrong(f"unknown field {name}")

    def text(self, name: str, *, is_required: bool = False) -> str | None:
        """Return a text, ``None`` where it is absent."""
        value = self.entry.get(name)
        if value is None or value == "":
            if is_required:
                self.wrong(f"lacks {name}")
            return None
        if not isinstance(value, str):
            self.wrong(f"{name} is {value!r}, not a text")
            return None
        return value

    def url(self, name: str, *, is_required: bool = False) -> str | None:
        """Return a URL without a slash at its end."""
        value = self.text(name, is_required=is_required)
        if value and not is_secure(value):
            self.wrong(f"{name} is {value!r}, must be https, or http on loopback")
            return None
        return value.rstrip("/") if value else None

    def flag(self, name: str) -> bool | None:
        """Return true or false, ``None`` where it is absent."""
        value = self.entry.get(name)
        if not isinstance(value, bool | None):
            self.wrong(f"{name} is {value!r}, must be true or false")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where it is absent."""
        value = self.entry.get(name, [])
        is_list = isinstance(value, list)
        if not is_list or not all(isinstance(item, str) and item for item in value):
            self.wrong(f"{name} is {value!r}, not a list of texts")
            return ()
        return tuple(value)

    def some_of(self, name: str, known: Collection[str]) -> frozenset[str]:
        """Return a list of words that must be among the known ones."""
        values = self.texts(name)
        for value in values:
            if value not in known:
                words = ", ".join(sorted(known))
                self.wrong(f"{name} holds {value!r}, known are {words}")
        return frozenset(values)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return a list of URLs that are compared and never asked."""
        values = self.texts(name)
        for value in values:
            if not urlsplit(value).netloc:
                self.wrong(f"{name} holds {value!r}, not like https://ehr.example/fhir")
        return tuple(value.rstrip("/") for value in values)

    def origins(self, name: str) -> tuple[str, ...]:
        """Return a list of web origins such as ``https://ehr.example``."""
        values = self.texts(name)
        for value in values:
            if not _is_origin(value):
                self.wrong(f"{name} holds {value!r}, not like https://ehr.example")
        return values

    def secret(self, name: str) -> str | None:
        """Return the content of the environment variable that a field names."""
        variable = self.text(name)
        if variable is None:
            return None
        if not self._env.get(variable):
            self.wrong(f"{name}: the environment variable {variable} is not set")
        return self._env.get(variable)

    def together(self, names: Sequence[str]) -> None:
        """Refuse an entry that has some of the fields and not the others."""
        absent = [name for name in names if not self.entry.get(name)]
        if absent and len(absent) < len(names):
            present = ", ".join(name for name in names if name not in absent)
            self.wrong(f"{present} without {', '.join(absent)}")


def _is_origin(value: str) -> bool:
    parts = urlsplit(value)
    is_bare = value == f"{parts.scheme}://{parts.netloc}" and "@" not in value
    is_plain = all(character not in value for character in " ;,'\"\t\n")
    # a star for one label is what CSP allows, and EHRs have a host per customer
    return is_secure(value) and is_bare and is_plain
