"""The operations of a spec: where each is served, what it takes, and what its first success looks like."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aurous_mock.contract import renames, versioning
from aurous_mock.contract.document import PARAMETER, Document, Schema, concreteness, join
from aurous_mock.contract.renames import Names
from aurous_mock.contract.versioning import EVENTS, JSON, JSON_LINES, Tree

__all__ = [
    "EVENTS",
    "JSON",
    "JSON_LINES",
    "Content",
    "Operation",
    "Paging",
    "Parameter",
    "RateClass",
    "RequestBody",
    "Success",
    "read",
]

# Their values are read before an operation is chosen, and are refused with codes of their own.
_READ_ELSEWHERE = frozenset({"accept", "content-type", "authorization", "aurous-version", "idempotency-key"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. style, explode: as in OpenAPI; is_json: its value is JSON text"""

    name: str
    location: str
    required: bool
    style: str
    explode: bool
    is_json: bool
    schema: Schema


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The bodies that an operation takes, by media type."""

    required: bool
    content: Mapping[str, Schema]


@dataclass(frozen=True, slots=True)
class Content:
    """One media type of a response, with its documented examples."""

    media_type: str
    schema: Schema
    examples: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Success:
    """The first 2xx response of an operation.

    headers: those that are required or have an example
    counts_tokens: it reports the limit of tokens per minute
    """

    status: int
    content: tuple[Content, ...]
    headers: Mapping[str, Content]
    counts_tokens: bool = False


@dataclass(frozen=True, slots=True)
class RateClass:
    """A rate limit of its own. burst: requests at once; per_minute: how many are allowed again each minute"""

    name: str
    burst: int
    per_minute: int


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list goes on. parameter: takes the cursor; cursor, has_more: the members of a page that say what follows"""

    parameter: str
    cursor: str
    has_more: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of one version.

    held_while: of the record of what was charged, the values of a member while the amount is only held
    hidden: response members that only other versions have
    request_names, response_names: the version's names of what has another name in the code
    """

    method: str
    path: str
    is_public: bool
    takes_key: bool
    parameters: tuple[Parameter, ...]
    body: RequestBody | None
    success: Success
    documents_not_found: bool
    rate_class: RateClass | None
    paging: Paging | None
    held_while: Mapping[str, Sequence[Any]]
    hidden: Tree
    hidden_in_events: Tree
    request_names: Names
    response_names: Names
    pattern: re.Pattern[str]

    def match(self, method: str, raw_path: str) -> dict[str, str] | None:
        """The path parameters of a request that this operation serves; None if it does not serve it."""
        if method != self.method or (match := self.pattern.fullmatch(raw_path)) is None:
            return None
        names = PARAMETER.findall(self.path)
        return {name: unquote(value) for name, value in zip(names, match.groups(), strict=True)}


def read(document: Document, others: Sequence[Document]) -> tuple[Operation, ...]:
    """The operations of a version, compared with the other versions that are served; concrete paths first."""
    operations = [_operation(document, others, *entry) for entry in document.operations()]
    return tuple(sorted(operations, key=lambda operation: concreteness(operation.path)))


def _operation(
    document: Document,
    others: Sequence[Document],
    path: str,
    method: str,
    pointer: str,
    item: Mapping[str, Any],
    node: Mapping[str, Any],
) -> Operation:
    parameters = {
        (each.name, each.location): each
        for each in [
            *_parameters(document, pointer.rpartition("/")[0], item),
            *_parameters(document, pointer, node),
        ]
    }
    security = node.get("security", document.root.get("security"))
    names = {each.name.lower() for each in parameters.values() if each.location == "header"}
    responses = node.get("responses") or {}
    return Operation(
        method=method.upper(),
        path=path,
        # Only a spec that says so makes an operation public.
        is_public=security is not None and (not security or {} in security),
        takes_key="idempotency-key" in names,
        parameters=tuple(
            each
            for each in parameters.values()
            if not (each.location == "header" and each.name.lower() in _READ_ELSEWHERE)
        ),
        body=_body(document, pointer, node),
        success=_success(document, pointer, responses),
        documents_not_found="404" in responses,
        rate_class=_rate_class(document, node),
        paging=_paging(node),
        held_while=_held_while(node),
        hidden=versioning.hidden_members(document, others, path, method, {JSON}),
        hidden_in_events=versioning.hidden_members(document, others, path, method, {EVENTS, *JSON_LINES}),
        request_names=renames.of_request(document, node),
        response_names=renames.of_responses(document, node),
        pattern=_pattern(path),
    )


def _pattern(path: str) -> re.Pattern[str]:
    literals = PARAMETER.split(path)[::2]
    # A parameter is never empty and never has a slash; a lazy one lets `{id}:cancel` and `{id}.json` end it.
    return re.compile("([^/]+?)".join(re.escape(text) for text in literals))


def _parameters(document: Document, pointer: str, node: Mapping[str, Any]) -> Iterator[Parameter]:
    for index, entry in enumerate(node.get("parameters") or ()):
        place, parameter = document.follow(join(join(pointer, "parameters"), str(index)), entry)
        location = parameter["in"]
        content = parameter.get("content") or {}
        style = parameter.get("style") or ("form" if location in ("query", "cookie") else "simple")
        holder, where = parameter, place
        for media_type in content:
            holder, where = content[media_type], join(join(place, "content"), media_type)
            break
        yield Parameter(
            name=parameter["name"],
            location=location,
            required=location == "path" or parameter.get("required") is True,
            style=style,
            explode=parameter.get("explode", style == "form"),
            is_json=bool(content),
            schema=_schema(document, where, holder),
        )


def _schema(document: Document, pointer: str, holder: Mapping[str, Any]) -> Schema:
    place, node = document.child(pointer, holder, "schema")
    if "schema" not in holder:
        # Anything is allowed. The root of a spec has no keyword of JSON Schema.
        return Schema(document, "", {})
    return Schema(document, place, node)


def _body(document: Document, pointer: str, node: Mapping[str, Any]) -> RequestBody | None:
    if "requestBody" not in node:
        return None
    place, body = document.child(pointer, node, "requestBody")
    content = {
        media_type.lower(): _schema(document, join(join(place, "content"), media_type), holder)
        for media_type, holder in (body.get("content") or {}).items()
    }
    return RequestBody(required=body.get("required") is True, content=content)


def _success(document: Document, pointer: str, responses: Mapping[str, Any]) -> Success:
    code = next((str(code) for code in responses if str(code).startswith("2")), None)
    if code is None:
        return Success(status=204, content=(), headers={})
    place, response = document.child(join(pointer, "responses"), responses, code)
    contents = tuple(
        _content(document, join(join(place, "content"), media_type), holder, media_type)
        for media_type, holder in (response.get("content") or {}).items()
    )
    headers: dict[str, Content] = {}
    for name in response.get("headers") or {}:
        where, header = document.child(join(place, "headers"), response["headers"], name)
        content = _content(document, where, header, "text/plain")
        if content.examples or header.get("required") is True:
            headers[name.lower()] = content
    return Success(
        status=int(code) if code.isdecimal() else 200,
        content=contents,
        headers=headers,
        counts_tokens="x-ratelimit-tpm-limit" in (name.lower() for name in response.get("headers") or {}),
    )


def _content(document: Document, pointer: str, holder: Mapping[str, Any], media_type: str) -> Content:
    schema = _schema(document, pointer, holder)
    resolved = [document.follow("", example)[1] for example in [*(holder.get("examples") or {}).values()]]
    examples = [example["value"] for example in resolved if "value" in example]
    declared = schema.node if isinstance(schema.node, Mapping) else {}
    examples += [node["example"] for node in (holder, declared) if "example" in node]
    examples += declared.get("examples") or ()
    return Content(media_type, schema, tuple(examples))


def _rate_class(document: Document, node: Mapping[str, Any]) -> RateClass | None:
    """The class that `x-rate-class` names, of those under `components/x-rate-classes`."""
    name = node.get("x-rate-class")
    if name is None:
        return None
    figures = document.root["components"]["x-rate-classes"][name]
    return RateClass(str(name), int(figures["burst"]), int(figures["per_minute"]))


def _paging(node: Mapping[str, Any]) -> Paging | None:
    declared = node.get("x-paging")
    return declared and Paging(declared["parameter"], declared["cursor"], declared.get("has_more"))


def _held_while(node: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
    charge = node.get("x-charge") or {}
    held: Mapping[str, Sequence[Any]] = charge.get("held_while") or {} if "record_of" in charge else {}
    return held
