"""Header fields of a request."""

from __future__ import annotations


class Headers:
    """Header fields, looked up without regard to case; the first of several counts."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in fields:
            self._values.setdefault(name.lower(), value)

    def get(self, name: str) -> str | None:
        return self._values.get(name.lower())
