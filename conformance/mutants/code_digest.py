"""Digests of the code that decides a result: an edit voids the results that it may change, and no other.

A variant's result depends on its own code and on the rules that were run: a fault that was caught on the rules of one
module, anything else on the rules of all. Code is compared as its syntax tree. Comments, formatting, docstrings and the
sentences of rules decide nothing, so they are not part of a digest.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mutants.registry import Variant

SUITE = Path(__file__).parents[1]
RULES = "rules"
# The packages with code that decides a result; of the others, only imports are followed.
DECISIVE = (RULES, "harness.checks", "harness.generation")
# What the rules of every module run with.
ALWAYS = ("rules.conftest", "harness.plugin")
# These rules check the responses to the requests of all other rules.
DEPENDS_ON_ALL = "test_every_response"
# The packages of variants, which share definitions.
VARIANTS = ("mutants.variants", "independent.faults", "independent.variations", "independent.probes")
# Their methods decorate the definitions of variants.
REGISTRIES = ("fault", "variation", "FAULTS", "VARIATIONS")
LENGTH = 12


class CodeDigest:
    """Computes digests of one checkout of the suite, which is not expected to change meanwhile."""

    def __init__(self, suite: Path = SUITE) -> None:
        self._suite = suite
        self._of_rules = cache(self._digest_of_rules)
        self._of_variant = cache(lambda variant: _digest(self.variant_code(variant)))

    def __call__(self, variant: Variant, rules: str) -> str:
        """The digest of a variant and of the rules of a module, or of all rules if it is empty."""
        return _digest([self._of_rules(rules), self._of_variant(variant)])

    def _digest_of_rules(self, name: str) -> str:
        every = [f"{RULES}.{path.stem}" for path in (self._suite / RULES).glob("*.py")]
        modules = self._imported([*ALWAYS, *(every if name in ("", DEPENDS_ON_ALL) else [f"{RULES}.{name}"])])
        return _digest(_code_of(self._path(module)) for module in sorted(modules) if module.startswith(DECISIVE))

    def _imported(self, modules: list[str]) -> set[str]:
        """These modules, and those of the suite that they import, directly or not."""
        imported: set[str] = set()
        pending = [*modules]
        while pending:
            module = pending.pop()
            if module not in imported and self._path(module).exists():
                imported.add(module)
                for node in ast.walk(_parse(self._path(module))):
                    if isinstance(node, ast.ImportFrom):
                        origin = _absolute(node, module)
                        # What is imported from a package may be a module of it.
                        pending += [origin, *(f"{origin}.{each.name}" for each in node.names)]
        return imported

    def _path(self, module: str) -> Path:
        return self._suite / f"{module.replace('.', '/')}.py"

    def variant_code(self, variant: Variant) -> Iterator[str]:
        """The statements that define a variant, and the definitions that they name, in its module and others."""
        pending = self._definitions(variant.module, variant.local_name)
        seen: set[ast.stmt] = set()
        while pending:
            module, statement = pending.pop(0)
            if statement not in seen:
                seen.add(statement)
                yield _statement_text(statement)
                for name in _used(statement):
                    pending += self._named(module, name)

    def _definitions(self, module: str, name: str) -> list[tuple[str, ast.stmt]]:
        statements = self._statements(module)
        # The names of some variants are put together: any statement may define them.
        chosen = [each for each in statements if _mentions(each, name)] or statements
        return [(module, statement) for statement in chosen]

    def _named(self, module: str, name: str) -> Iterator[tuple[str, ast.stmt]]:
        for statement in self._statements(module):
            if isinstance(statement, ast.ImportFrom):
                origin = _absolute(statement, module)
                if origin.startswith(VARIANTS) and any((each.asname or each.name) == name for each in statement.names):
                    yield from self._named(origin, name)
            elif name in _defined(statement):
                yield module, statement

    def _statements(self, module: str) -> list[ast.stmt]:
        tree = _parse(self._path(module))
        return list(_relevant(tree, "body", tree.body))


def _absolute(statement: ast.ImportFrom, module: str) -> str:
    package = module.split(".")[: -statement.level] if statement.level else []
    return ".".join([*package, *([statement.module] if statement.module else [])])


@cache
def _statement_text(statement: ast.stmt) -> str:
    return _text_of(statement)


@cache
def _used(statement: ast.stmt) -> list[str]:
    """The names that stand in the code of a statement."""
    return sorted(set(_names(statement)))


def _names(node: Any) -> Iterator[str]:
    match node:
        case list():
            for each in node:
                yield from _names(each)
        case ast.Name():
            yield node.id
        case ast.AST():
            for _, value in _fields(node):
                yield from _names(value)


@cache
def _strings(statement: ast.stmt) -> set[str]:
    nodes = (node for node in ast.walk(statement) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}


def _mentions(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == name:
        return True
    return name in _strings(statement)


@cache
def _defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


@cache
def _parse(path: Path) -> ast.Module:
    """The syntax tree; an empty one if there is no such file."""
    return ast.parse(path.read_bytes()) if path.exists() else ast.Module([], [])


@cache
def _code_of(path: Path) -> str:
    return f"{path.stem}: {_text_of(_parse(path))}"


def _text_of(node: Any) -> str:
    """A tree as text that is the same for all versions of Python, which `ast.dump` is not."""
    match node:
        case list():
            return f"[{', '.join(map(_text_of, node))}]"
        case ast.AST():
            shown = (f"{name}={_text_of(value)}" for name, value in _fields(node))
            return f"{type(node).__name__}({', '.join(shown)})"
        case _:
            return repr(node)


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The fields of a node that are code, and neither empty nor the default."""
    for name, value in ast.iter_fields(node):
        relevant = _relevant(node, name, value)
        if relevant is not None and relevant != []:
            yield name, relevant


def _relevant(node: ast.AST, field: str, value: Any) -> Any:
    """What of a field is code: docstrings, sentences of rules and the texts of variants are not."""
    match node, field:
        case ((ast.Module() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef()), "body"):
            return value[1:] if ast.get_docstring(node, clean=False) is not None else value
        case ast.Call(), "keywords":
            return [keyword for keyword in value if keyword.arg != "sentence"]
        case ((ast.FunctionDef() | ast.ClassDef()), "decorator_list"):
            return [_without_texts(decorator) for decorator in value]
        case ((ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators)), "name"):
            # Nothing depends on the name of a variant's definition.
            return None if any(map(_is_registration, decorators)) else value
        case _:
            return value


def _without_texts(decorator: ast.expr) -> ast.expr:
    """A decorator that registers a variant, without the texts that describe it."""
    return decorator.func if isinstance(decorator, ast.Call) and _is_registration(decorator) else decorator


def _is_registration(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
            return name in REGISTRIES
        case _:
            return False


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode(errors="backslashreplace") + b"\n")
    return digest.hexdigest()[:LENGTH]
