"""Compares a page with its operation of the spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from specdiff import sources
from specdiff.sources import Source

from . import prose, samples
from .facts import KEYWORDS, Difference, Fact, Field, Kind
from .pages import Page, Sample
from .spec_operation import PLACES, Operation

# Headers that a page does not print as fields.
_UNLISTED = {"Content-Type"}
_JSON = "application/json"


def compare(page: Page, spec: Source) -> Iterator[Difference]:
    """Every difference between a page and its operation of the spec, in the order of the page's lines."""
    yield from sorted(
        Comparison(page, spec).differences(),
        key=lambda each: (each.line, each.pointer, each.about),
    )


class Comparison:
    """The comparison of one page."""

    def __init__(self, page: Page, spec: Source) -> None:
        self._page = page
        self._spec = spec

    def differences(self) -> Iterator[Difference]:
        page, paths = self._page, self._spec.document.get("paths", {})
        path = next((known for known in paths if _same_path(known, page.path)), None)
        if path is None or page.method.lower() not in paths[path]:
            pointer = f"#{sources.write(('paths', path or page.path, page.method.lower()))}"
            yield self._found(Kind.MISSING_IN_SPEC, page.line, pointer, "operation", "the operation is not in the spec")
            return
        operation = Operation(self._spec, path, page.method)
        yield from self._operation(operation)
        yield from self._security(operation)
        for title, place in PLACES.items():
            yield from self._fields(title, page.sections.get(title, []), operation.parameters(place), operation)
        yield from self._schema("Body", self._body(operation), operation, f"{operation.pointer}/requestBody")
        status = page.status
        if not operation.has_status(status):
            line, at = page.lines.get("Response", page.line), f"{operation.pointer}/responses/{status}"
            yield self._found(Kind.MISSING_IN_SPEC, line, at, "status", f"status {status} is not in the spec")
            # The members of the response may have changed as well.
            status = operation.success()
        place = f"{operation.pointer}/responses/{status}"
        yield from self._schema("Response", operation.response(status), operation, place, status)
        yield from self._samples(operation, status)
        yield from self._error_codes(operation)

    def _body(self, operation: Operation) -> tuple[Mapping[str, Any], str] | None:
        """The body that the page describes: of the media type that it prints, or in JSON."""
        printed = self._page.media_types.get("Body")
        return (operation.body(printed.value) if printed else None) or operation.body()

    def _operation(self, operation: Operation) -> Iterator[Difference]:
        page = self._page
        if page.deprecated != operation.deprecated:
            yield self._found(*_deprecation(page.deprecated, "the operation", page.line, operation.pointer))
        base_url = page.base_url
        if base_url is None or _is_placeholder(base_url.value):
            return
        known = operation.server_urls()
        if known and base_url.value not in known:
            text = f"the sample calls {base_url.value}, the servers of the spec are {', '.join(known)}"
            yield self._found(Kind.DIFFERENT, base_url.line, "#/servers", "base URL", text)

    def _error_codes(self, operation: Operation) -> Iterator[Difference]:
        known = operation.error_codes()
        pointer = "#/components/x-error-codes"
        for status, code in prose.error_codes(self._page.prose) if known else ():
            if code.value not in known:
                text = f"the error code {code.value} ({status}) is not in the spec"
                yield self._found(Kind.MISSING_IN_SPEC, code.line, pointer, "error code", text)
                continue
            stated = str(known[code.value].get("status", ""))
            if not re.fullmatch(stated.replace("X", r"\d"), status):
                text = f"the error code {code.value} has the status {status} on the page, {stated} in the spec"
                yield self._found(Kind.DIFFERENT, code.line, f"{pointer}/{code.value}/status", "error code", text)

    def _security(self, operation: Operation) -> Iterator[Difference]:
        known = operation.security_headers()
        for field in self._page.sections.get("Authorizations", []):
            if field.name not in known:
                text = f"the credential header {field.name} is not in the spec"
                yield self._found(Kind.MISSING_IN_SPEC, field.line, f"{operation.pointer}/security", "security", text)
        known |= {field.name for field in operation.parameters("header")} | _UNLISTED
        for fact in self._page.headers:
            if fact.value not in known:
                text = f"the sample sends the header {fact.value}, which is not in the spec"
                yield self._found(Kind.MISSING_IN_SPEC, fact.line, f"{operation.pointer}/parameters", "header", text)

    # ---------------------------------------------------------------- fields

    def _schema(
        self,
        title: str,
        content: tuple[Mapping[str, Any], str] | None,
        operation: Operation,
        place: str,
        status: str = "",
    ) -> Iterator[Difference]:
        shown = self._page.sections.get(title, [])
        printed = self._page.media_types.get(title)
        line = self._page.lines.get(title, self._page.line)
        if content is None:
            known = operation.media_types(status) if status else set()
            if shown or (printed is not None and printed.value not in known):
                text = f"the spec has no {title.lower()} of type {printed.value if printed else _JSON} here"
                yield self._found(Kind.MISSING_IN_SPEC, line, place, title.lower(), text)
            return
        if title not in self._page.sections:
            yield self._found(Kind.MISSING_IN_PAGE, line, place, title.lower(), f"the page has no section {title}")
            return
        schema, pointer = content
        if printed is not None and not pointer.endswith(f"/content{sources.write((printed.value,))}/schema"):
            text = f"the page says {printed.value}, the spec {_JSON}"
            yield self._found(Kind.DIFFERENT, printed.line, place, "media type", text)
        yield from self._members(title, shown, schema, pointer, operation)

    def _members(
        self, title: str, shown: list[Field], schema: Mapping[str, Any], pointer: str, operation: Operation
    ) -> Iterator[Difference]:
        """Compare the members of an object; those of nested objects only where the page unfolds them."""
        known = operation.members(schema, pointer)
        own = [field for field in shown if "." not in field.name]
        place = known[0].pointer.rpartition("/")[0] if known else f"{pointer}/properties"
        yield from self._fields(title, own, known, operation, place)
        for member in known:
            prefixes = (f"{member.name}.", f"{member.name}[].")
            inner = [field for field in shown if field.name.startswith(prefixes)]
            if inner:
                nested = [_renamed(field, field.name.split(".", 1)[1]) for field in inner]
                yield from self._members(f"{title}, {member.name}", nested, member.schema, member.pointer, operation)

    def _fields(
        self, title: str, shown: Iterable[Field], known: list[Field], operation: Operation, place: str = ""
    ) -> Iterator[Difference]:
        place = place or f"{operation.pointer}/parameters"
        # Header names are case-insensitive.
        fold = str.lower if title == "Headers" else str
        expected = {fold(field.name): field for field in known}
        for field in shown:
            match = expected.pop(fold(field.name), None)
            if match is None:
                pointer = f"{place}{sources.write((field.name,))}"
                text = f"{title}: {field.name} is not in the spec"
                yield self._found(Kind.MISSING_IN_SPEC, field.line, pointer, "field", text)
            else:
                yield from self._field(title, field, match)
        line = self._page.lines.get(title.partition(",")[0], self._page.line)
        for field in expected.values():
            text = f"{title}: {field.name} is not on the page"
            yield self._found(Kind.MISSING_IN_PAGE, line, field.pointer, "field", text)

    def _field(self, title: str, shown: Field, known: Field) -> Iterator[Difference]:
        name = f"{title}: {shown.name}"
        if shown.required != known.required:
            words = ("required", "optional") if shown.required else ("optional", "required")
            text = f"{name} is {words[0]} on the page, {words[1]} in the spec"
            yield self._found(Kind.DIFFERENT, shown.line, known.pointer, "required", text)
        if shown.deprecated != known.deprecated:
            yield self._found(*_deprecation(shown.deprecated, name, shown.line, known.pointer))
        if not _types_agree(shown, known):
            # A page that does not speak of null says nothing about it.
            types = known.types - ({"null"} - shown.types)
            text = f"{name} is {_types(shown.types)} on the page, {_types(types)} in the spec"
            yield self._found(Kind.DIFFERENT, shown.line, known.pointer, "type", text)
        for keyword in KEYWORDS:
            yield from self._fact(name, keyword, shown, known)
        for example in shown.examples:
            for violation in samples.violations(self._spec.document, known.schema, example.value):
                text = f"{name}: the example is not valid: {violation.text}"
                yield self._found(Kind.INVALID, example.line, known.pointer, "example", text)

    def _fact(self, name: str, keyword: str, shown: Field, known: Field) -> Iterator[Difference]:
        here, there = shown.facts.get(keyword), known.facts.get(keyword)
        if here is None and there is not None:
            if keyword == "enum" and known.is_open:
                # Any string is valid; a page need not list the known values.
                return
            here = prose.length(shown, keyword)
        if here is None and there is not None:
            text = f"{name}: {keyword} {_value(there)} is not on the page"
            yield self._found(Kind.MISSING_IN_PAGE, shown.line, there.pointer, keyword, text)
        elif here is not None and there is None:
            text = f"{name}: {keyword} {_value(here)} is not in the spec"
            yield self._found(Kind.MISSING_IN_SPEC, here.line, f"{known.pointer}/{keyword}", keyword, text)
        elif here is not None and there is not None and not _same(keyword, here.value, there.value):
            text = f"{name}: {keyword} is {_value(here)} on the page, {_value(there)} in the spec"
            yield self._found(Kind.DIFFERENT, here.line, there.pointer, keyword, text)

    # ---------------------------------------------------------------- samples

    def _samples(self, operation: Operation, status: str) -> Iterator[Difference]:
        for fact in self._page.broken:
            text = f"a sample is not JSON: {fact.value}"
            yield self._found(Kind.INVALID, fact.line, operation.pointer, "sample", text)
        yield from self._sample("request", self._page.request, operation.body(), operation)
        yield from self._sample("response", self._page.response, operation.response(status), operation)

    def _sample(
        self, side: str, sample: Sample | None, content: tuple[Mapping[str, Any], str] | None, operation: Operation
    ) -> Iterator[Difference]:
        if sample is None or content is None:
            return
        schema, pointer = content
        for violation in samples.violations(self._spec.document, schema, sample.value):
            line = samples.line(sample, violation.path)
            text = f"the {side} sample is not valid: {violation.message}"
            yield self._found(Kind.INVALID, line, pointer, "sample", text)
        for path in operation.unknown_members(schema, sample.value):
            text = f"the {side} sample has the member {samples.place(path)}, which is not in the spec"
            yield self._found(Kind.MISSING_IN_SPEC, samples.line(sample, path), pointer, "sample member", text)

    def _found(self, kind: Kind, line: int, pointer: str, about: str, text: str) -> Difference:
        return Difference(kind, self._page.name, line, self._page.operation, pointer, about, text)


def _deprecation(on_page: bool, name: str, line: int, pointer: str) -> tuple[Kind, int, str, str, str]:
    kind = Kind.MISSING_IN_SPEC if on_page else Kind.MISSING_IN_PAGE
    where = "on the page, not in the spec" if on_page else "in the spec, not on the page"
    return kind, line, pointer, "deprecated", f"{name} is deprecated {where}"


def _is_placeholder(base_url: str) -> bool:
    """Whether a sample's host is one of those reserved for documentation."""
    return re.search(r"//([\w-]+\.)*example(\.(com|net|org))?$", base_url) is not None


def _same_path(known: str, shown: str) -> bool:
    """Whether two paths are the same, whatever their parameters are called."""
    one, other = known.split("/"), shown.split("/")
    return len(one) == len(other) and all(a == b or (a[:1] == b[:1] == "{") for a, b in zip(one, other, strict=True))


def _types_agree(shown: Field, known: Field) -> bool:
    """Whether a page's types are the spec's, as pages print them.

    Pages rarely say that null is allowed, and print unions, and some members that may be null, as `object`.
    """
    if not shown.types or not known.types or shown.types in (known.types, known.types - {"null"}):
        return True
    return shown.types == {"object"} and (known.is_union or "null" in known.types)


def _types(types: frozenset[str]) -> str:
    return " or ".join(sorted(types))


def _value(fact: Fact) -> str:
    return ", ".join(map(str, fact.value)) if isinstance(fact.value, list) else str(fact.value)


def _same(keyword: str, one: Any, other: Any) -> bool:
    return sorted(map(str, one)) == sorted(map(str, other)) if keyword == "enum" else bool(one == other)


def _renamed(field: Field, name: str) -> Field:
    return Field(name, field.types, field.required, field.facts, field.line, field.pointer, field.examples)
