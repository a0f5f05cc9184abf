"""Owns whether a JSON value that a page prints is valid under a schema of the spec, and on which line it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import yaml
from generator.yaml_loader import Pointer
from specdiff import sources

from .pages import Sample


@dataclass(frozen=True)
class Misfit:
    """One way in which a value departs from a schema."""

    path: Pointer
    text: str

    @property
    def told(self) -> str:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{place.removeprefix('.')}: {self.text}" if place else self.text


def misfits(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any) -> list[Misfit]:
    """Every way in which a value departs from a schema of the document; none if it does not."""
    whole = {**schema, "components": {"schemas": document.get("components", {}).get("schemas", {})}}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [Misfit(tuple(error.instance_path), error.message[:160]) for error in validator.iter_errors(value)]


def line(sample: Sample, path: Pointer) -> int:
    """The line of the page on which a part of a sample stands."""
    return sample.line - 1 + sources.line_in(yaml.compose(sample.text, Loader=yaml.SafeLoader), path)
