"""Reads a spec from a file or a git revision, and finds the line of each of its nodes."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

from generator import metaschema, yaml_loader
from generator.yaml_loader import Pointer, SpecError
from ruamel.yaml.nodes import Node

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "openapi.yaml"


class SourceError(Exception):
    """A spec cannot be read; the message is one line for a person."""


class Source:
    """A spec as data, with the name it is reported by and the line of every node."""

    def __init__(self, name: str, text: bytes, folder: Path) -> None:
        self.name = name
        self._text = text
        # The loader that the generator reads with takes files only, and names them in what it says.
        written = folder / f"{len(list(folder.iterdir()))}.yaml"
        written.write_bytes(text)
        try:
            self.document: dict[str, Any] = yaml_loader.load(written)
        except SpecError as error:
            raise SourceError(error.faults[0].replace(written.name, name, 1)) from error
        if not isinstance(self.document, dict) or not isinstance(self.document.get("paths", {}), dict):
            raise SourceError(f"{name}: this is not an OpenAPI document")
        if not str(self.document.get("openapi", "")).startswith("3.1."):
            raise SourceError(f"{name}: this is not an OpenAPI 3.1 document")
        for pointer, fault in yaml_loader.json_errors(self.document):
            raise SourceError(f"{self.place(pointer)} #{write(pointer)}: {fault}")
        for pointer, fault in metaschema.structure_errors(self.document):
            raise SourceError(f"{self.place(pointer)} #{write(pointer)}: {fault}")

    @property
    def version(self) -> str:
        return str(self.document.get("info", {}).get("version", "?"))

    @cached_property
    def _tree(self) -> Node | None:
        return yaml_loader.compose(self._text)

    def line(self, pointer: Pointer) -> int:
        """The line of a node, or of the closest ancestor that exists."""
        return yaml_loader.line_in(self._tree, pointer)

    def place(self, pointer: Pointer) -> str:
        return f"{self.name}:{self.line(pointer)}"


def read(given: str, folder: Path) -> Source:
    """The spec that a command line names: `git:REV`, `git:REV:path` or a file. `folder` is for temporary files."""
    if given.startswith("git:"):
        return _read_revision(given.removeprefix("git:"), folder)
    if not given:
        # A path without a name is the working folder.
        raise SourceError("the name of the spec is empty")
    path = Path(given)
    try:
        return Source(path.name, path.read_bytes(), folder)
    except OSError as error:
        raise SourceError(f"{given}: {error.strerror}") from error


def _read_revision(given: str, folder: Path) -> Source:
    revision, _, path = given.partition(":")
    path = path or SPEC.name
    if not revision or revision.startswith("-"):
        raise SourceError(f"git:{given}: name a revision, as in git:HEAD~1 or git:v0.1.0:{SPEC.name}")
    try:
        completed = subprocess.run(["git", "show", f"{revision}:{path}"], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as error:
        raise SourceError(f"git:{given}: git is not installed") from error
    if completed.returncode:
        text = completed.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise SourceError(f"git:{given}: {text[0].removeprefix('fatal: ')}")
    return Source(f"{path}@{revision}", completed.stdout, folder)


def parse(pointer: str) -> Pointer:
    """`#/a/b~1c` as the steps to take."""
    steps = pointer.removeprefix("#").split("/")[1:]
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def write(pointer: Pointer) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in pointer)


def find(document: Any, pointer: Pointer) -> Any:
    """The node a pointer names, with no reference followed; None if there is none."""
    node = document
    for step in pointer:
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and str(step).isdigit() and int(step) < len(node):
            node = node[int(step)]
        else:
            return None
    return node


def follow(document: Any, node: Any) -> Any:
    """The node itself, or what its chain of local references leads to."""
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        node = find(document, parse(node["$ref"]))
    return node
