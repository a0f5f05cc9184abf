"""A rename that the spec declares costs edits of the client alone; one that it does not declare is pointed out."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from release import checklist, renames
from specdiff.changes import Change, Report
from specdiff.kinds import Effect
from specdiff.sources import Source
from specdiff.usage import Side

SIZE = {"type": "integer", "minimum": 1, "description": "The size."}
OLD = {
    "Drawing": {"properties": {"size": SIZE, "title": {"type": "string"}}},
    "Mood": {"enum": ["glad", "sad"]},
}


def report(new: dict[str, Any]) -> Report:
    change = Change("request-member-removed", Effect.BREAKING, Side.REQUEST, "Drawing.size", "is gone")
    sources = (
        cast(
            Source, SimpleNamespace(document={"components": {"schemas": schemas}}, name="a spec", version="2026-05-15")
        )
        for schemas in (OLD, new)
    )
    return Report(*sources, changes=(change,))


def with_members(**members: Any) -> dict[str, Any]:
    new = deepcopy(OLD)
    new["Drawing"]["properties"] = {"title": {"type": "string"}, **members}
    return new


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"extent": {**SIZE, "description": "How large it is."}}, [("Drawing", "size", "extent")]),
        ({"extent": {**SIZE, "type": ["integer", "null"], "default": None}}, [("Drawing", "size", "extent")]),
        ({"extent": {**SIZE, "x-renamed-from": "size"}}, []),
        ({"extent": {**SIZE, "minimum": 2}}, []),
        ({"extent": SIZE, "area": SIZE}, []),
        ({}, []),
    ],
)
def test_member_with_the_schema_of_one_that_is_gone_looks_renamed(
    members: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    assert list(renames.undeclared(report(with_members(**members)))) == found


def test_declared_renames_are_members_and_values() -> None:
    new = with_members(extent={**SIZE, "x-renamed-from": "size"})
    new["Mood"] = {"enum": ["happy", "sad"], "x-renamed-values": {"happy": "glad"}}
    assert renames.declared(report(new)) == {"size", "glad"}


def test_checklist_asks_whether_it_is_a_rename_and_then_lists_lines_of_the_client_alone(tmp_path: Path) -> None:
    for folder in ("overlays/tests", "conformance/rules"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "test_sizes.py").write_text("Drawing(size=3)\ndraw(**named(size=3))\n", encoding="utf-8")
    asked, used = checklist.tasks(report(with_members(extent=SIZE)), tmp_path)[:2]
    assert "`Drawing.size` is gone and `extent` has the same schema" in asked
    assert "`x-renamed-from: size`" in asked
    assert "conformance/rules/test_sizes.py:1,2" in used
    (used, *_) = checklist.tasks(report(with_members(extent={**SIZE, "x-renamed-from": "size"})), tmp_path)
    assert used == "`size` (Drawing.size) has a new name; it is used in\n    overlays/tests/test_sizes.py:1"
