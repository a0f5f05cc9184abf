"""The parsed OpenAPI document: loading, validation, its operations and schemas, and the line of each node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.validation.keywords import OpenAPIV31SchemaValidator
from ruamel.yaml.nodes import Node

from . import examples, keywords, metaschema, schemas, yaml_loader
from .normalize import Answer, Body, Draft, Events, is_stream, normalize, streams_only
from .schemas import METHODS
from .yaml_loader import Pointer, SpecError

__all__ = ["METHODS", "Pointer", "Spec", "SpecError", "component_name", "walk"]


class Spec:
    """A parsed OpenAPI 3.1 document that remembers where each of its nodes stands."""

    def __init__(self, source: Path, document: dict[str, Any] | None = None) -> None:
        """document: what the file has, if it is loaded already; its nodes then have no lines"""
        self._has_lines = document is None
        self.written: dict[str, Any] = {}
        """The document as the file has it, once `document` is the normalized one."""
        self.lacking: set[tuple[str, str]] = set()
        """(model, member) of members that requests require, but responses may lack: see `earlier_versions`."""
        self.source = source
        self.document: dict[str, Any] = yaml_loader.load(source) if document is None else document
        if not isinstance(self.document, dict) or not isinstance(self.document.get("openapi"), str):
            raise SpecError([f"{source.name}:1: this is not an OpenAPI document; it has no member 'openapi'"])
        if not self.document["openapi"].startswith("3.1."):
            raise SpecError([f"{self.place(('openapi',))}: OpenAPI {self.document['openapi']} is not 3.1"])

    def normalize(self) -> None:
        """Rewrite a valid document into the phrasing of the parser. Raises SpecError for what cannot be."""
        self.written = self.document
        self._draft = normalize(self.document)
        self.document = self._draft.document
        if self._draft.faults:
            raise SpecError([f"{self.place_in_file(pointer)}: {text}" for pointer, text in self._draft.faults])

    @cached_property
    def _draft(self) -> Draft:
        return Draft(self.document)

    @cached_property
    def _tree(self) -> Node | None:
        return yaml_loader.compose(self.source.read_bytes()) if self._has_lines else None

    def validate(self) -> None:
        """Raise SpecError unless the document is valid OpenAPI 3.1."""
        # First, since the validator stumbles over these instead of telling where they are.
        not_json = [f"{self.place(pointer)}: {text}" for pointer, text in yaml_loader.json_errors(self.document)]
        if not_json:
            raise SpecError(not_json)
        structure = metaschema.faults(self.document) or list(keywords.unknown(self.document))
        wrong = [f"{self.place(pointer)}: {text}" for pointer, text in structure]
        if wrong:
            raise SpecError(wrong)
        wrong = [f"{self.place(pointer)}: {text}" for pointer, text in examples.contradictions(self.document)]
        if wrong:
            raise SpecError(wrong)
        errors = _ReferenceValidator(self.document).iter_errors()
        # The first line says it; what follows repeats the document.
        messages = {f"{self.place(self._locate(error))}: {error.message.splitlines()[0][:300]}" for error in errors}
        if messages:
            raise SpecError(sorted(messages))

    def _locate(self, error: Any) -> Pointer:
        """The pointer to what a validator complains of; of faults in schemas it tells only the last steps."""
        path = tuple(error.path)
        for place in schemas.walk(self.document):
            node = place.schema
            with suppress(LookupError, TypeError):
                for step in path:
                    node = node[step]
                if node is error.instance:
                    return (*place.pointer, *path)
        return path

    def place(self, pointer: Pointer) -> str:
        """The file, line and JSON pointer of a node, or of the closest ancestor that exists."""
        return self.place_in_file(self._draft.sources.source(pointer))

    def place_in_file(self, pointer: Pointer) -> str:
        """As `place`, for a pointer into the file."""
        line = yaml_loader.line_in(self._tree, pointer)
        written = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in pointer)
        return f"{self.source.name}:{line} #{written}"

    @cached_property
    def for_parser(self) -> dict[str, Any]:
        """A copy for openapi-python-client: without titles, which it would name classes after, and without defaults,
        which it would send; with headers that are no strings as queries, since it knows none.
        """
        document = deepcopy(self.document)
        for place in schemas.walk(document):
            place.keywords.pop("title", None)
            if "const" not in place.keywords:
                place.keywords.pop("default", None)
        for _, parameter in schemas.schema_holders(document):
            if parameter.get("in") == "header" and not is_text(self.follow(parameter.get("schema"))):
                cast(dict[str, Any], parameter)["in"] = "query"
        return document

    def answers(self, pointer: Pointer) -> list[Answer]:
        """The forms in which the success of an operation can arrive; streams only where there are no others."""
        return self._draft.answers.get(pointer, [])

    def events(self, pointer: Pointer) -> Events | None:
        """What the stream of an operation consists of, in a normalized document; None without one."""
        return self._draft.events.get(pointer)

    def only_streams(self, pointer: Pointer, operation: Mapping[str, Any]) -> bool:
        """Whether every success of an operation is a stream, normalized or not."""
        answers = self.answers(pointer)
        if answers:
            return all(is_stream(answer.media_type or "") for answer in answers)
        contents = [response.get("content", {}) for _, response in self.successes(operation)]
        return bool(contents) and all(map(streams_only, contents))

    def body(self, pointer: Pointer) -> Body | None:
        """How the body of an operation is encoded; None without one."""
        return self._draft.bodies.get(pointer)

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        components: dict[str, dict[str, Any]] = self.document.get("components", {}).get("schemas", {})
        return components

    def operations(self) -> Iterator[tuple[Pointer, dict[str, Any]]]:
        """Every operation, with the pointer to it."""
        for path, item in self.document.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield ("paths", path, method), item[method]

    def parameters(self, pointer: Pointer) -> list[Mapping[str, Any]]:
        """The parameters of an operation, those of its path included, with references followed."""
        item = self.document["paths"][pointer[1]]
        listed = [*item[pointer[2]].get("parameters", ()), *item.get("parameters", ())]
        unique: dict[tuple[str, str], Mapping[str, Any]] = {}
        for parameter in map(self.follow, listed):
            unique.setdefault((parameter["in"], parameter["name"]), parameter)
        return list(unique.values())

    def body_media(self, operation: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The normalized media type of an operation's body, which has a schema, or None."""
        body = self.follow(operation.get("requestBody", {}))
        media: Mapping[str, Any] = body.get("content", {}).get("application/json", {})
        return media if "schema" in media else None

    def body_schema(self, operation: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The schema of an operation's body, with its reference followed, or None."""
        media = self.body_media(operation)
        return None if media is None else self.follow(media["schema"])

    def successes(self, operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The 2xx responses of an operation, with references followed."""
        for status, response in operation.get("responses", {}).items():
            if str(status).startswith("2"):
                yield str(status), self.follow(response)

    @cached_property
    def error_codes(self) -> dict[str, dict[str, Any]]:
        codes: dict[str, dict[str, Any]] = self.document.get("components", {}).get("x-error-codes", {})
        return codes

    def follow(self, node: Any) -> Mapping[str, Any]:
        """The node itself, or what its local $ref leads to; nothing of a schema that is true or false."""
        while isinstance(node, dict) and "$ref" in node:
            node = yaml_loader.resolve(self.document, str(node["$ref"]))
        return node if isinstance(node, dict) else {}


class _CheckedSchemaValidator(OpenAPIV31SchemaValidator):
    """Leaves out whether a schema keeps the meta-schema, which was checked for the document as a whole."""

    def __call__(self, schema: Any, require_properties: bool = True, meta_checked: bool = False) -> Iterator[Any]:
        return super().__call__(schema, require_properties, meta_checked=True)


class _ReferenceValidator(OpenAPIV31SpecValidator):
    """Checks what no meta-schema says: ids that are unique, parameters that their paths have, defaults that fit."""

    schema_validator = Draft202012Validator(True)
    keyword_validators = {**OpenAPIV31SpecValidator.keyword_validators, "schema": _CheckedSchemaValidator}  # noqa: RUF012


def walk(node: Any, pointer: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    """Every node of a document, parents first."""
    yield pointer, node
    children: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(node, dict):
        children = iter(node.items())
    elif isinstance(node, list):
        children = iter(enumerate(node))
    for step, child in children:
        yield from walk(child, (*pointer, step))


def is_text(schema: Mapping[str, Any]) -> bool:
    """Whether the parser knows a schema as that of a header."""
    return schema.get("type") == "string" and not {"format", "const", "enum"} & set(schema)


def component_name(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]
