"""The tests that a change affects use its names, and the checklist lists the lines that use what is gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from release import affected_tests, checklist, mentions
from specdiff.changes import Change, Report
from specdiff.kinds import Effect
from specdiff.sources import Source
from specdiff.usage import Side

FILES = {
    "overlays/aurous/tools.py": "def send(strict: bool) -> None:\n    NamedSchema(strict=strict)\n",
    "overlays/tests/test_tools.py": 'assert sent["named_schema"]["strict"]\n',
    "README.md": "# Tools\n\nWith `strict` in a `NamedSchema`, arguments are checked.\n",
    "overlays/tests/test_zip.py": "zip(a, b, strict=True)\n",
    "conformance/selftest/test_balance.py": 'client.get("/v1/balance").json()["available"]\n',
    "overlays/tests/test_credits.py": "client.balance.retrieve()\n",
    "conformance/selftest/test_words.py": '"the balance is available"\n',
    "scripts/tests/generator/test_pins.py": "",
    **{f"scripts/tests/test_common_{number}.py": 'body["name"]\n' for number in range(40)},
    "scripts/tests/test_model.py": 'Badge(name="Ada")\n',
}
SCHEMAS = {
    "Format": {"properties": {"named_schema": {"$ref": "#/components/schemas/NamedSchema"}}},
    "NamedSchema": {"properties": {"strict": {"type": "boolean"}}},
    "Mood": {"enum": ["glad", "available"]},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def report(kind: str, subject: str, **places: Any) -> Report:
    paths = {"/v1/balance": {"get": {"operationId": "retrieveBalance", "responses": {}}}}
    old: dict[str, Any] = {"openapi": "3.1.0", "paths": paths, "components": {"schemas": SCHEMAS}}
    new = {**old, "components": {"schemas": {**SCHEMAS, "Mood": {"enum": ["glad"]}}}}
    change = Change(kind, Effect.BREAKING, Side.REQUEST, subject, "is gone", **places)
    sources = (
        cast(Source, SimpleNamespace(document=document, name="a spec", version="2026-05-15")) for document in (old, new)
    )
    return Report(*sources, changes=(change,))


@pytest.mark.parametrize(
    ("subject", "selected"),
    [
        ("NamedSchema.strict", {"overlays/tests/test_tools.py", "overlays/tests/test_zip.py"}),
        (
            "GET /v1/balance, status 200",
            {"conformance/selftest/test_balance.py", "overlays/tests/test_credits.py"},
        ),
        ("Balance.available", {"conformance/selftest/test_balance.py"}),
        ("Badge.name", {"scripts/tests/test_model.py"}),
        ("Unused.member", set()),
    ],
)
def test_change_selects_the_tests_that_use_its_names(tree: Path, subject: str, selected: set[str]) -> None:
    selection = affected_tests.select(tree, report("request-member-removed", subject))
    assert set(selection) - {"scripts/tests/generator/test_pins.py"} == selected


def test_lines_that_use_a_member_that_is_gone_are_listed(tree: Path) -> None:
    lines = checklist.tasks(report("request-member-removed", "NamedSchema.strict"), tree)
    uses = ["overlays/aurous/tools.py:2", "README.md:3", "overlays/tests/test_tools.py:1"]
    assert lines[0].splitlines() == [
        "`strict` (NamedSchema.strict) is gone; it is used in",
        *(f"    {use}" for use in uses),
    ]
    assert not any("NamedSchema.strict" in line for line in lines[1:])


def test_all_files_that_use_what_is_gone_are_listed(tmp_path: Path) -> None:
    uses = [f"overlays/tests/test_{number}.py" for number in range(10, 40)]
    (tmp_path / "overlays/tests").mkdir(parents=True)
    for name in uses:
        (tmp_path / name).write_text("create(max_size=1)\n", encoding="utf-8")
    (task, *_) = checklist.tasks(report("request-member-removed", "Body.max_size"), tmp_path)
    assert task.splitlines()[1:] == [f"    {name}:1" for name in uses]


def test_lines_that_use_a_value_that_is_gone_are_listed(tree: Path) -> None:
    at = ("components", "schemas", "Mood", "enum")
    [(_, names)] = mentions.lost_names(report("request-enum-value-removed", "Mood", old=at, new=at))
    assert names[-1] == "available"


def test_lines_that_call_an_operation_that_is_gone_are_listed(tree: Path) -> None:
    lines = checklist.tasks(report("operation-removed", "GET /v1/balance"), tree)
    assert (
        lines[0] == "`balance.retrieve` (GET /v1/balance) is gone; it is used in\n    overlays/tests/test_credits.py:1"
    )


def test_members_that_are_new_are_not_looked_for(tree: Path) -> None:
    assert list(mentions.lost_names(report("request-member-added-optional", "NamedSchema.strict"))) == []


@pytest.mark.parametrize(
    ("kind", "begin", "end"),
    [
        ("request-default-changed", "Defaults changed, of", "see whether the mock follows."),
        ("operation-added", "The mock answers by the spec's examples alone", "and rules to the suite."),
        ("error-code-added", "New codes,", "error_mapping.py."),
    ],
)
def test_changes_that_need_a_look_are_one_line_for_each_kind(tree: Path, kind: str, begin: str, end: str) -> None:
    subjects = [f"Body.member_{number}" for number in range(10)]
    reports = [report(kind, subject) for subject in subjects]
    changes = tuple(change for each in reports for change in each.changes)
    lines = checklist.tasks(replace(reports[0], changes=changes), tree)
    lines = [line for line in lines if "member_" in line]
    assert len(lines) == 1
    assert lines[0].startswith(begin)
    assert f" {', '.join(subjects[:8])} and 2 more; " in lines[0]
    assert lines[0].endswith(end)
