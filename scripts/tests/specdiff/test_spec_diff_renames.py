"""A rename of anything that a client can name is reported as breaking, to those who use the name."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import renames
from generator.yaml_loader import load
from renames import Rename
from specdiff import comparison, sources
from specdiff.changes import Change

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(Path(__file__).parents[1] / "generator"))
import small_specs  # noqa: E402

AT_ONCE = 40


def as_source(document: dict[str, Any]) -> sources.Source:
    return cast(sources.Source, SimpleNamespace(document=document))


def report(old: dict[str, Any], new: dict[str, Any], folder: Path) -> list[Change]:
    before, after = map(as_source, (old, new))
    return list(comparison.compare(before, after, folder).changes)


def faults(document: dict[str, Any], applied: list[Rename], folder: Path) -> list[str]:
    """The renames that are not reported as they should be."""
    reported: dict[int | None, list[Change]] = {}
    for change in report(*renames.pair(document, applied), folder):
        reported.setdefault(renames.owner(change.old or change.new or ()), []).append(change)
    messages = []
    for number, rename in enumerate(applied):
        changes = reported.pop(number, [])
        sides = {change.side.value for change in changes if change.effect.value == "breaking"}
        # A class is imported by name, whichever side it is for, and reported once.
        warned = bool(sides) if rename.kind == "model" else sides >= rename.sides
        if not changes or not warned or (sides and not rename.sides):
            kinds = sorted(f"{change.kind} ({change.side.value})" for change in changes)
            messages.append(f"{rename.id}: expected breaking for {sorted(rename.sides)}, found {kinds}")
    assert not reported, f"belongs to no rename: {reported}"
    return messages


@pytest.mark.parametrize(
    "kind",
    ["path", "method", "operation", "status", "parameter", "media type", "model", "member", "value", "constant"],
)
def test_kinds_of_renames_occur_in_the_small_spec(kind: str) -> None:
    assert any(rename.kind == kind for rename in renames.find(small_specs.document()))


@pytest.mark.slow
def test_every_rename_in_the_small_spec_is_breaking(tmp_path: Path) -> None:
    document = small_specs.document()
    applied = renames.find(document)
    assert len(applied) >= 60
    assert faults(document, applied, tmp_path) == []


@pytest.mark.slow
def test_every_rename_in_the_contract_is_breaking(tmp_path: Path) -> None:
    document = load(ROOT / "openapi.yaml")
    applied = renames.find(document)
    messages: list[str] = []
    for start in range(0, len(applied), AT_ONCE):
        folder = tmp_path / str(start)
        folder.mkdir()
        messages += faults(document, applied[start : start + AT_ONCE], folder)
    assert len(applied) >= 250
    assert messages == []


@pytest.mark.slow
def test_added_method_name_that_renames_a_method_is_breaking(tmp_path: Path) -> None:
    named = small_specs.document(at={"paths /v1/things get x-sdk-method": "things.index"})
    [change] = report(small_specs.document(), named, tmp_path)
    assert (change.kind, change.effect.value) == ("method-renamed", "breaking")
    assert change.text == "the method things.list is now things.index"


def test_moved_charge_is_breaking() -> None:
    old, new = (
        as_source(small_specs.document(at={"paths /v1/things/{id} get x-charge": {"amount": member}}))
        for member in ("amount", "count")
    )
    # Redocly knows nothing of it.
    [change] = comparison.Classifier(old, new).classify([], [])
    assert (change.kind, change.effect.value) == ("charge-changed", "breaking")


def test_difference_of_no_listed_kind_is_breaking() -> None:
    old, new = (
        as_source(small_specs.document() | {"jsonSchemaDialect": dialect})
        for dialect in ("https://one.example", "https://other.example")
    )
    [change] = comparison.Classifier(old, new).classify([], [])
    assert (change.kind, change.effect.value, change.subject) == ("unknown-change", "breaking", "jsonSchemaDialect")
