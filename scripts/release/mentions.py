"""Finds the lines of code, tests and documents that use a name of the spec, where a change takes it away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from generator import method_tree
from generator.spec import Pointer, Spec
from specdiff import sources
from specdiff.changes import Change, Report

# The code that a person may have to edit; the generated client follows the spec by itself.
_EDITED = ("overlays", "conformance", "scripts/tests")
# A line that calls this helper of the tests needs no edit: it takes the first name of a member, in every version.
_HELPER_FOR_RENAMES = "named("
# Listed first: code comes before its tests.
_CODE = ("overlays/aurous/", "conformance/aurous_mock/", "conformance/harness/")
_MODEL = re.compile(r"([A-Z]\w*)((?:\.\w+)*)(?:\[\])*")
_OPERATION = re.compile(r"([A-Z]+) (/[^\s,]*)")
_GONE = ("-removed", "-renamed", "enum-value-replaced", "constant-changed")


@dataclass(frozen=True)
class Mention:
    """The lines of a file that use a name. path: relative to the tree"""

    path: Path
    lines: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{','.join(map(str, self.lines))}"


class Tree:
    """The Python files and the READMEs of a tree, read once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def texts(self) -> dict[Path, str]:
        """The text of each file, by its path relative to the tree."""
        code = [path for folder in _EDITED for path in sorted((self._root / folder).rglob("*.py"))]
        files = [
            *code,
            *(path for path in (self._root / "README.md", self._root / "overlays/README.md") if path.exists()),
        ]
        return {path.relative_to(self._root): path.read_text(encoding="utf-8") for path in files}

    def files(self, name: str) -> set[Path]:
        """The files that use a name of the spec."""
        pattern = use_of(name)
        return {path for path, text in self.texts.items() if pattern.search(text)}

    def find(self, names: tuple[str, ...], *, is_renamed: bool = False) -> list[Mention]:
        """The lines that use the last of the names, in files that use one of the others, if there are others.

        `("response_format", "json_schema", "strict")`: a word such as `strict` alone says too little. One such as
        `max_tokens` says enough. Lines that follow a rename by themselves are left out.
        """
        *owners, name = names
        is_plain = "_" not in name
        near = set[Path]().union(*map(self.files, owners)) if owners and is_plain else set(self.texts)
        pattern = use_of(name)
        uses = []
        for path in sorted(near, key=lambda path: (not path.as_posix().startswith(_CODE), path)):
            lines = [
                number
                for number, line in enumerate(self.texts[path].splitlines(), 1)
                if pattern.search(line) and not (is_renamed and _HELPER_FOR_RENAMES in line)
            ]
            uses += [Mention(path, tuple(lines))] if lines else []
        return uses


def use_of(name: str) -> re.Pattern[str]:
    """A name as text, as an attribute, as a keyword, or as a class."""
    plain = re.escape(name)
    boundary = rf"|\b{plain}\b" if name[:1].isupper() else ""
    return re.compile(rf"""["'.`]{plain}\b|\b{plain}=(?!=){boundary}""")


def lost_names(report: Report) -> Iterator[tuple[Change, tuple[str, ...]]]:
    """What the new spec has no more, each with the names that lead to it, its own name last."""
    holders = owners(report)
    for change in report.changes:
        if change.kind.endswith(_GONE) and change.effect.value != "documentation":
            for name in _lost(report, change):
                leading = () if operation_of(change) else path_of(change, holders)[:-1]
                yield change, (*leading, name)


def operation_of(change: Change) -> Pointer | None:
    """The operation that a change is about; None if it is about a schema or a header, say."""
    match = _OPERATION.match(change.subject)
    return ("paths", match[2], match[1].lower()) if match is not None else None


def path_of(change: Change, holders: dict[str, set[str]]) -> tuple[str, ...]:
    """The names that lead to what changed: the model, the members that hold it, and its own name last."""
    match = _MODEL.fullmatch(change.subject)
    if match is None:
        return (change.subject,)
    model, members = match[1], tuple(match[2].split(".")[1:])
    return (model, *sorted(holders.get(model, ())), *members) if members else (model,)


def owners(report: Report) -> dict[str, set[str]]:
    """The members that hold each model, in either spec."""
    names_by_model: dict[str, set[str]] = {}
    for source in (report.old, report.new):
        for schema in source.document.get("components", {}).get("schemas", {}).values():
            for name, member in (schema.get("properties", {}) if isinstance(schema, dict) else {}).items():
                for model in re.findall(r"#/components/schemas/(\w+)", repr(member)):
                    names_by_model.setdefault(model, set()).add(name)
    return names_by_model


def _lost(report: Report, change: Change) -> list[str]:
    if change.kind.endswith(("enum-value-removed", "enum-value-replaced")):
        before = sources.find(report.old.document, change.old or ()) or []
        after = sources.find(report.new.document, change.new or ()) or []
        return [str(value) for value in before if value not in after] if isinstance(before, list) else []
    operation = operation_of(change)
    if operation is not None and change.kind in ("operation-removed", "method-renamed"):
        spec = Spec(Path(report.old.name), report.old.document)
        method = method_tree.method_names(spec).get(operation)
        return [method] if method else []
    match = _MODEL.fullmatch(change.subject)
    if match is not None:
        return [match[2].rpartition(".")[2] or match[1]]
    shown = re.search(r"`([\w-]+)`", change.text)
    return [shown[1]] if shown and ("parameter" in change.kind or "header" in change.kind) else []
