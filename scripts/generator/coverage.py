"""Owns the proof that nothing of the spec was dropped: every part of it is looked for in the generated package.

Reads the package as source, so that a broken one can still be judged. Knows neither templates nor the parser.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import resources
from .spec import Pointer, Spec, SpecError


def check(spec: Spec, package: Path) -> None:
    """Raise SpecError that names all that the package lacks, each with its place in the spec."""
    source = Package(package)
    faults = [
        f"{spec.place(pointer)}: {what} was dropped"
        for part in (_schemas, _operations, _methods, _error_codes)
        for pointer, what in part(spec, source)
    ]
    if faults:
        raise SpecError(faults)


class Package:
    """What the sources of a generated package declare."""

    def __init__(self, root: Path) -> None:
        self.classes: dict[str, ast.ClassDef] = {}
        self.aliases: dict[str, str] = {}
        self.operations: dict[str, ast.Module] = {}
        self.exported: set[str] = set()
        for file in sorted((root / "models").glob("*.py")):
            tree = ast.parse(file.read_bytes())
            self.classes |= {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
            for node in tree.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                    self.aliases[node.target.id] = ast.unparse(node.value)
            if file.name == "__init__.py":
                self.exported = {alias.asname or alias.name for node in _imports(tree) for alias in node.names}
        for file in sorted((root / "api").glob("*/*.py")):
            tree = ast.parse(file.read_bytes())
            for call in _calls(tree, "Operation"):
                self.operations[str(_argument(call, "id"))] = tree
        self.resources = {
            node.name: node
            for node in ast.parse((root / "resources.py").read_bytes()).body
            if isinstance(node, ast.ClassDef)
        }
        self.error_codes = _strings(ast.parse((root / "error_codes.py").read_bytes()))

    def wire_names(self, class_name: str, method: str) -> set[str]:
        """The names of JSON members that a method of a class handles."""
        found = self.classes.get(class_name)
        for node in found.body if found else ():
            if isinstance(node, ast.FunctionDef) and node.name == method:
                return _strings(node)
        return set()


def _schemas(spec: Spec, package: Package) -> Iterator[tuple[Pointer, str]]:
    for name, schema in spec.schemas.items():
        pointer: Pointer = ("components", "schemas", name)
        if name not in package.exported:
            yield pointer, f"schema {name}"
            continue
        if name in package.classes:
            read, written = package.wire_names(name, "from_dict"), package.wire_names(name, "to_dict")
            for member in schema.get("properties", {}):
                if member not in read or member not in written:
                    yield (*pointer, "properties", member), f"member {name}.{member}"
        elif schema.get("properties"):
            yield pointer, f"the members of {name}"
        for value in schema.get("enum", ()):
            if repr(value) not in _quoted_parts(package.aliases.get(name, "")):
                yield (*pointer, "enum"), f"value {value!r} of {name}"
        for keyword in ("oneOf", "anyOf"):
            for index, branch in enumerate(schema.get(keyword, ())):
                wanted = str(branch.get("$ref", "")).rsplit("/", 1)[-1]
                if wanted and not _mentions(package, name, wanted):
                    yield (*pointer, keyword, index), f"alternative {wanted} of {name}"


def _operations(spec: Spec, package: Package) -> Iterator[tuple[Pointer, str]]:
    for pointer, operation in spec.operations():
        name = operation.get("operationId")
        module = package.operations.get(str(name))
        if module is None:
            yield pointer, f"operation {name}"
            continue
        called = next(_calls(module, "Operation"))
        if _argument(called, "path") != pointer[1] or str(_argument(called, "method")).lower() != pointer[2]:
            yield pointer, f"the path or method of {name}"
        strings = _strings(module)
        for parameter in spec.parameters(pointer):
            if parameter["name"] not in strings:
                yield pointer, f"parameter {parameter['name']} of {name}"
        if spec.body_schema(operation) is not None and not list(_calls(module, "to_json")):
            yield (*pointer, "requestBody"), f"the body of {name}"
        for status, response in spec.successes(operation):
            content = response.get("content", {})
            where = (*pointer, "responses", status, "content")
            if "application/json" in content and _argument(called, "has_body") is False:
                yield (*where, "application/json"), f"the JSON answer of {name}"
            if "text/event-stream" in content and _argument(called, "parse_event") is None:
                yield (*where, "text/event-stream"), f"the events of {name}"


def _methods(spec: Spec, package: Package) -> Iterator[tuple[Pointer, str]]:
    for namespace in resources.build(spec).walk():
        for prefix in ("", "Async"):
            declared = package.resources.get(prefix + namespace.class_name)
            names = {getattr(node, "name", None) for node in declared.body} if declared else set()
            for method in namespace.methods:
                if method.name not in names:
                    yield method.pointer, f"method {'.'.join((*namespace.path, method.name))} ({prefix or 'sync'})"


def _error_codes(spec: Spec, package: Package) -> Iterator[tuple[Pointer, str]]:
    for code in spec.error_codes:
        if code not in package.error_codes:
            yield ("components", "x-error-codes", code), f"error code {code}"


def _mentions(package: Package, name: str, wanted: str) -> bool:
    if name in package.classes:
        return True
    alias = package.aliases.get(name, "")
    # A union inside a union is spelt out: then its own alternatives are what stands there.
    inner = package.aliases.get(wanted)
    return wanted in alias or (inner is not None and inner in alias)


def _quoted_parts(literal: str) -> set[str]:
    return {repr(value) for value in _constants(ast.parse(literal or "None"))}


def _strings(tree: ast.AST) -> set[str]:
    return {value for value in _constants(tree) if isinstance(value, str)}


def _constants(tree: ast.AST) -> list[Any]:
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def _imports(tree: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in tree.body if isinstance(node, ast.ImportFrom)]


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _argument(call: ast.Call, name: str) -> Any:
    """A keyword argument: its value where it is a constant, else its source; None where it is not given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else ast.unparse(keyword.value)
    return None
