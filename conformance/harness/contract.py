"""Reads the contract of one version from its spec: schemas, operations, error codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from aurous_mock.contract import renames
from aurous_mock.contract.document import Document, concreteness
from aurous_mock.contract.renames import NONE, Names
from aurous_mock.contract.yaml_reader import read_yaml

from harness.canonical_spec import canonical
from harness.file_members import with_file_types

ROOT = Path(__file__).resolve().parents[2]
NEWEST = ROOT / "openapi.yaml"
RELEASED = ROOT / "conformance" / "aurous_mock" / "specs"


@dataclass
class Selection:
    """The version under test. Tests are generated from it on import, so it is selected before."""

    spec: Path = NEWEST


SELECTED = Selection()
# Facts that older specs lack.
_CHARGES_BEFORE = {"createChatCompletion": {"amount": "usage.credits_charged"}}


class UnknownVersionError(ValueError):
    """There is no spec of this version; the message is one line for a user."""


@dataclass(frozen=True)
class Operation:
    """One operation of the contract."""

    id: str
    method: str
    path: str
    is_public: bool = False
    """Whether the spec allows calls without a key."""

    def address(self, completion_id: str) -> str:
        return self.path.replace("{id}", completion_id)


@dataclass(frozen=True)
class RateClass:
    """A rate limit that operations share: so many requests at once, and so many a minute after that."""

    name: str
    burst: int
    per_minute: int


@dataclass(frozen=True)
class ErrorCode:
    """A documented error code. `status` is None where the pages give only the family."""

    name: str
    status: int | None
    type: str
    page: str


def choose(version: str | None) -> None:
    """Select the version to test; that of openapi.yaml if it is None."""
    SELECTED.spec = NEWEST if version is None else _spec_of(version)


def _spec_of(version: str) -> Path:
    if _read(NEWEST)["info"]["version"] == version:
        return NEWEST
    released = {path.stem: path for path in RELEASED.glob("*.yaml")}
    if version not in released:
        known = ", ".join(sorted({*released, str(_read(NEWEST)["info"]["version"])}))
        raise UnknownVersionError(f"there is no spec of the version {version!r}; known: {known}")
    return released[version]


def document() -> dict[str, Any]:
    """The spec of the selected version, with canonical names: those of what it renames are the earlier ones."""
    return _canonical(SELECTED.spec)


@cache
def _canonical(path: Path) -> dict[str, Any]:
    return canonical(with_file_types(_read(path)))


@dataclass(frozen=True)
class OperationNames:
    """The version's names, by canonical name, in the bodies of an operation's requests and responses."""

    request: Names = NONE
    response: Names = NONE


def names(method: str, path: str) -> OperationNames:
    """The names of the members of the requests to a path, and of their responses."""
    return next(
        (each for verb, pattern, each in _names(SELECTED.spec) if verb == method and pattern.match(path)), _SAME
    )


_SAME = OperationNames()


@cache
def _names(spec: Path) -> list[tuple[str, re.Pattern[str], OperationNames]]:
    source = Document(_read(spec))
    if not source.has_renames:
        return []
    return [
        (
            method.upper(),
            path_pattern(path),
            OperationNames(renames.of_request(source, operation), renames.of_responses(source, operation)),
        )
        for path, method, _, _, operation in sorted(source.operations(), key=lambda each: concreteness(each[0]))
    ]


@cache
def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(path)
    return loaded


def version() -> str:
    """The Aurous-Version that the contract describes."""
    return str(document()["info"]["version"])


def operations() -> list[Operation]:
    return [
        Operation(operation["operationId"], method.upper(), path, is_public=_is_public(operation))
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and "operationId" in operation
    ]


def _is_public(operation: dict[str, Any]) -> bool:
    security = operation.get("security", document().get("security"))
    return security is not None and (not security or {} in security)


def operation_id(label: str) -> str:
    """The id of an operation that is written as `POST /v1/...`."""
    return next(operation.id for operation in operations() if f"{operation.method} {operation.path}" == label)


@cache
def path_pattern(path: str) -> re.Pattern[str]:
    """Matches the paths that a path of the contract, such as `/v1/things/{id}`, stands for, and nothing longer."""
    fixed = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(map(re.escape, fixed)) + r"\Z")


def operation_at(method: str, path: str) -> Operation | None:
    """The operation that serves the requests to a path; None if the contract has none."""
    matching = [each for each in operations() if each.method == method.upper() and path_pattern(each.path).match(path)]
    return min(matching, key=lambda each: concreteness(each.path), default=None)


def charge_of(method: str, path: str) -> tuple[str, ...] | None:
    """Where the response to a request has its price; None if the operation is not charged."""
    operation = operation_at(method, path)
    if operation is None:
        return None
    # Earlier released specs state no charges.
    before = _CHARGES_BEFORE.get(operation.id)
    charge = document()["paths"][operation.path][method.lower()].get("x-charge", before)
    return None if charge is None or "record_of" in charge else tuple(charge["amount"].split("."))


def rate_classes() -> dict[str, RateClass]:
    """The rate limits of operations that have one of their own, by `POST /v1/...`."""
    limits = document()["components"].get("x-rate-classes", {})
    return {
        f"{method.upper()} {path}": RateClass(name, int(limits[name]["burst"]), int(limits[name]["per_minute"]))
        for path, method, _, _, operation in Document(document()).operations()
        if (name := operation.get("x-rate-class")) is not None
    }


def error_codes() -> dict[str, ErrorCode]:
    rows = document()["components"]["x-error-codes"]
    return {
        name: ErrorCode(name, row["status"] if isinstance(row["status"], int) else None, row["type"], row["page"])
        for name, row in rows.items()
    }


def error_types() -> list[str]:
    return list(schema("ErrorType")["enum"])


def schema(name: str) -> dict[str, Any]:
    """A component schema as written, references and all."""
    result: dict[str, Any] = document()["components"]["schemas"][name]
    return result


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference names; a schema without one is its own."""
    while "$ref" in node:
        node = schema(node["$ref"].rpartition("/")[2])
    return node


def follow(node: dict[str, Any]) -> dict[str, Any]:
    """The component of any kind that a reference names; a node without one is its own."""
    while "$ref" in node:
        _, kind, name = node["$ref"].rsplit("/", 2)
        node = document()["components"][kind][name]
    return node


@cache
def _validator(name: str, spec: Path) -> jsonschema_rs.Draft202012Validator:
    schemas = {"components": {"schemas": _canonical(spec)["components"]["schemas"]}}
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", **schemas}, validate_formats=True
    )


def schema_errors(name: str, value: Any) -> list[str]:
    """The errors of a value against a component schema, each with its place; empty if it is valid."""
    return [_format_error(error) for error in _validator(name, SELECTED.spec).iter_errors(value)]


def response_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """The schema of the JSON that answers a request with a status; None if the contract has none."""
    operation = operation_at(method, path)
    if operation is None:
        return None
    responses = document()["paths"][operation.path][operation.method.lower()].get("responses", {})
    response = follow(responses.get(str(status)) or responses.get("default") or {})
    schema: dict[str, Any] | None = response.get("content", {}).get("application/json", {}).get("schema")
    return schema


def component_errors(schema: dict[str, Any], value: Any) -> list[str]:
    """The errors of a value against a schema of the contract, which may refer to its components."""
    return instance_errors({**schema, "components": document()["components"]}, value)


def instance_errors(schema: dict[str, Any], value: Any) -> list[str]:
    """The errors of a value against a JSON Schema outside the contract, such as a tool's parameters."""
    return [_format_error(error) for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(value)]


def documented(name: str, value: Any) -> Any:
    """The documented part of a value: members that no page names, and nulls for optional ones, are left out.

    Two documents that say the same are equal in this form, whatever a server or a proxy adds to one of them.
    """
    return _documented(schema(name), value)


def _documented(node: dict[str, Any], value: Any) -> Any:
    shapes = [resolve(shape) for shape in _alternatives(node)]
    if isinstance(value, list):
        items: dict[str, Any] = next((shape["items"] for shape in shapes if "items" in shape), {})
        return [_documented(items, item) for item in value]
    properties = {name: member for shape in shapes for name, member in shape.get("properties", {}).items()}
    if not isinstance(value, dict) or not properties:
        return value
    required = {name for shape in shapes for name in shape.get("required", ())}
    return {
        name: _documented(member, value[name])
        for name, member in properties.items()
        if name in value and (value[name] is not None or name in required)
    }


def _alternatives(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    node = resolve(node)
    inner = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    yield node
    for alternative in inner:
        yield from _alternatives(alternative)


def examples(path: str, method: str) -> Iterator[tuple[str, Any]]:
    """The request examples of an operation, by name."""
    content = document()["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    for media_type in content.values():
        for name, example in media_type.get("examples", {}).items():
            yield name, example["value"]


def _format_error(error: jsonschema_rs.ValidationError) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return f"{place.removeprefix('.') or 'the document'}: {error.message[:200]}"
