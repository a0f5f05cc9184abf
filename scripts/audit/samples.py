"""Validates JSON samples of a page against the schemas of the spec, with the line of each violation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from generator import yaml_loader
from generator.yaml_loader import Pointer

from .pages import Sample


@dataclass(frozen=True)
class Violation:
    """One way in which a value violates a schema."""

    path: Pointer
    text: str

    @property
    def message(self) -> str:
        return f"{place(self.path)}: {self.text}" if self.path else self.text


def place(path: Pointer) -> str:
    """A path as it is read: `choices[0].message`."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return steps.removeprefix(".")


def violations(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any) -> list[Violation]:
    """Every violation of a schema of the document by a value."""
    whole = {**schema, "components": {"schemas": document.get("components", {}).get("schemas", {})}}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [Violation(tuple(error.instance_path), error.message[:160]) for error in validator.iter_errors(value)]


def line(sample: Sample, path: Pointer) -> int:
    """The line of the page with a part of a sample."""
    return sample.line - 1 + yaml_loader.line_in(yaml_loader.compose(sample.text.encode()), path)
