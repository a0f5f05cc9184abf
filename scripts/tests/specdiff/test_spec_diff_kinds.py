"""Every kind of change gets the verdict that a client needs, and nothing else is said of it."""

from __future__ import annotations

import json

import change_kinds
import change_table
import pytest
from specdiff import comparison, kinds, sources
from specdiff.changes import Report

KINDS = change_table.KINDS


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One run of Redocly over all kinds."""
    folder = tmp_path_factory.mktemp("kinds")
    old, new = (
        sources.Source(name, json.dumps(change_kinds.document(KINDS, pick)).encode(), folder)
        for name, pick in (("old.yaml", lambda kind: kind.old), ("new.yaml", lambda kind: kind.new))
    )
    return comparison.compare(old, new, folder)


@pytest.mark.parametrize("index", range(len(KINDS)), ids=[kind.name for kind in KINDS])
def test_kind_of_change_is_classified(report: Report, index: int) -> None:
    reported = {
        (change.kind, change.effect.value)
        for change in report.changes
        for pointer in (change.old, change.new)
        if pointer and len(pointer) > 1 and change_kinds.owner(pointer) == index
    }
    assert reported == set(KINDS[index].reported)


def test_every_finding_belongs_to_a_known_kind(report: Report) -> None:
    owners = {change_kinds.owner(change.new or change.old or ()) for change in report.changes}
    assert None not in owners


def test_every_kind_of_change_is_listed() -> None:
    assert len(KINDS) >= 40
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert all(kinds.KINDS[name].value == effect for name, effect in kind.reported)
