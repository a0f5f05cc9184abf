"""Reads what the sources of a generated package declare, as syntax: even a broken package can be checked."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ENCODERS = ("to_json", "to_form", "to_multipart", "to_content", "to_text")


@dataclass
class Model:
    """A class of `models`."""

    annotations: dict[str, ast.expr] = field(default_factory=dict)
    """By attribute."""
    read: dict[str, str] = field(default_factory=dict)
    """The members that from_dict takes out of an object, with the attribute of each."""
    written: set[str] = field(default_factory=set)
    """The members that to_dict puts into one."""


@dataclass
class Module:
    """The module of an operation."""

    facts: dict[str, Any]
    """The arguments of its Operation: a value where it is constant, else source text."""
    events: dict[str, Any]
    """The arguments of its EventFormat, likewise; empty without a stream."""
    functions: set[str]
    parameters: dict[str, str]
    """What the path, the query and the headers are filled from: the name of a parameter, by its name in the spec."""
    declared: list[str]
    """The parameters of build_request, in order."""
    sends_body: bool


@dataclass
class Method:
    """A method of a resource class."""

    body: set[str]
    """The members of the body that it can send."""
    positional: int
    keywords: set[str]
    """What it passes to build_request."""


class Package:
    """What the sources of a generated package declare; nothing of a file that is missing."""

    def __init__(self, root: Path) -> None:
        self.models: dict[str, Model] = {}
        self.values: dict[str, ast.expr] = {}
        """The right sides of enums, of the tuples of their values, and of aliases."""
        for file in sorted((root / "models").glob("*.py")):
            for node in _parse(file).body:
                if isinstance(node, ast.ClassDef):
                    self.models[node.name] = _model(node)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                    self.values[node.target.id] = node.value
        self.exported = _exports(root / "models")
        files = [file for file in sorted((root / "api").glob("*/*.py")) if file.stem in _exports(file.parent)]
        modules = [_module(_parse(file)) for file in files]
        self.operations = {str(module.facts.get("id")): module for module in modules if module is not None}
        self.methods = {
            (declared.name, node.name): _method(node)
            for declared in _parse(root / "resources.py").body
            if isinstance(declared, ast.ClassDef)
            for node in declared.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        self.error_codes = _keys(ast.walk(_parse(root / "error_codes.py")))


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def constants(tree: ast.AST) -> list[Any]:
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def is_call(tree: ast.AST, function: str, argument: str) -> bool:
    """Whether an expression is a function's call with one name as its argument."""
    match tree:
        case ast.Call(func=ast.Name(id=called), args=[ast.Name(id=given)], keywords=[]):
            return (called, given) == (function, argument)
    return False


def _exports(folder: Path) -> set[str]:
    """The names that a package has both for type checkers, as imports, and at run time, in its table."""
    nodes = list(ast.walk(_parse(folder / "__init__.py")))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {alias.asname or alias.name for node in imports for alias in node.names} & _keys(nodes)


def _model(tree: ast.ClassDef) -> Model:
    model = Model()
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            model.annotations[node.target.id] = node.annotation
        elif isinstance(node, ast.FunctionDef) and node.name == "from_dict":
            model.read = dict(_read_members(node))
        elif isinstance(node, ast.FunctionDef) and node.name == "to_dict":
            targets = [target for step in ast.walk(node) if isinstance(step, ast.Assign) for target in step.targets]
            slices = [target.slice for target in targets if isinstance(target, ast.Subscript)]
            model.written = {str(key.value) for key in slices if isinstance(key, ast.Constant)}
    return model


def _read_members(from_dict: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """The members that are read from `src_dict`, by name or with `get`, and the variables that take them."""
    for node in ast.walk(from_dict):
        match node:
            case ast.Assign(targets=[ast.Name(id=variable)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=variable), value=value):
                pass
            case _:
                continue
        match value:
            case ast.Subscript(value=ast.Name(id="src_dict"), slice=ast.Constant(value=name)):
                yield str(name), variable
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="src_dict"), attr="get"), args=[ast.Constant(value=name), *_]
            ):
                yield str(name), variable


def _module(tree: ast.Module) -> Module | None:
    operation = next(_calls(tree, "Operation"), None)
    if operation is None:
        return None
    functions = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    build = functions.get("build_request")
    arguments = build.args if build else ast.arguments([], [], None, [], [], None, [])
    parameters: dict[str, str] = {}
    for call in _calls(build, "to_segment") if build else ():
        parameters[str(constants(call.args[0])[0])] = ast.unparse(call.args[1])
    for name in ("to_query", "to_headers"):
        for call in _calls(build, name) if build else ():
            for table in call.args:
                if isinstance(table, ast.Dict):
                    pairs = zip(table.keys, table.values, strict=True)
                    parameters |= {str(key.value): _source(v) for key, v in pairs if isinstance(key, ast.Constant)}
    return Module(
        facts=_facts(operation),
        events=_facts(next(_calls(tree, "EventFormat"), None)),
        functions=set(functions),
        parameters=parameters,
        declared=[argument.arg for argument in [*arguments.args, *arguments.kwonlyargs]],
        sends_body=build is not None and any(True for name in _ENCODERS for _ in _calls(build, name)),
    )


def _source(value: ast.expr) -> str:
    """The parameter that a value is made of: itself, or the last argument of what encodes it."""
    return ast.unparse(value.args[-1] if isinstance(value, ast.Call) and value.args else value)


def _method(tree: ast.FunctionDef | ast.AsyncFunctionDef) -> Method:
    built = next(_calls(tree, "build_request"), None)
    given = [table for call in _calls(tree, "merge_body") for table in call.args[:1]]
    return Method(
        body=_keys(given),
        positional=len(built.args) if built else 0,
        keywords={keyword.arg or "" for keyword in built.keywords} if built else set(),
    )


def _facts(call: ast.Call | None) -> dict[str, Any]:
    return {keyword.arg or "": _fact(keyword.value) for keyword in call.keywords} if call else {}


def _fact(value: ast.expr) -> Any:
    return value.value if isinstance(value, ast.Constant) else ast.unparse(value).removeprefix("_models.")


def _keys(nodes: Iterable[ast.AST]) -> set[str]:
    tables = [node for node in nodes if isinstance(node, ast.Dict)]
    return {str(key.value) for table in tables for key in table.keys if isinstance(key, ast.Constant)}


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) == name:
            yield node


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes() if file.exists() else b"")
