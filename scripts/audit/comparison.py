"""Owns the comparison of a page with the spec: what one has and the other lacks, and what both state differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from specdiff import sources
from specdiff.sources import Source

from . import samples
from .expectations import PLACES, Operation
from .facts import KEYWORDS, Difference, Fact, Field, Kind
from .pages import Page

# A page prints neither of them as a field.
_UNSAID = {"Content-Type"}


def compare(page: Page, spec: Source) -> Iterator[Difference]:
    """Every difference between a page and its operation of the spec, in the order of the page's lines."""
    yield from sorted(Comparison(page, spec).differences(), key=lambda found: (found.line, found.pointer, found.about))


class Comparison:
    """One page beside the spec."""

    def __init__(self, page: Page, spec: Source) -> None:
        self._page = page
        self._spec = spec

    def differences(self) -> Iterator[Difference]:
        page, paths = self._page, self._spec.document.get("paths", {})
        path = next((known for known in paths if _same_path(known, page.path)), None)
        if path is None or page.method.lower() not in paths[path]:
            pointer = f"#{sources.write(('paths', path or page.path, page.method.lower()))}"
            yield self._told(Kind.MISSING_IN_SPEC, page.line, pointer, "operation", "the operation is not in the spec")
            return
        operation = Operation(self._spec, path, page.method)
        yield from self._security(operation)
        for title, place in PLACES.items():
            yield from self._fields(title, page.sections.get(title, []), operation.parameters(place), operation)
        yield from self._schema("Body", operation.body(), operation, f"{operation.pointer}/requestBody")
        if not operation.has_status(page.status):
            line, at = page.lines.get("Response", page.line), f"{operation.pointer}/responses/{page.status}"
            yield self._told(Kind.MISSING_IN_SPEC, line, at, "status", f"status {page.status} is not in the spec")
        else:
            place = f"{operation.pointer}/responses/{page.status}"
            yield from self._schema("Response", operation.answer(page.status), operation, place)
        yield from self._samples(operation)

    def _security(self, operation: Operation) -> Iterator[Difference]:
        known = operation.security_headers()
        for field in self._page.sections.get("Authorizations", []):
            if field.name not in known:
                told = f"the credential header {field.name} is not in the spec"
                yield self._told(Kind.MISSING_IN_SPEC, field.line, f"{operation.pointer}/security", "security", told)
        known |= {field.name for field in operation.parameters("header")} | _UNSAID
        for fact in self._page.headers:
            if fact.value not in known:
                told = f"the sample sends the header {fact.value}, which is not in the spec"
                yield self._told(Kind.MISSING_IN_SPEC, fact.line, f"{operation.pointer}/parameters", "header", told)

    # ---------------------------------------------------------------- fields

    def _schema(
        self, title: str, found: tuple[Mapping[str, Any], str] | None, operation: Operation, place: str
    ) -> Iterator[Difference]:
        shown = self._page.sections.get(title, [])
        told = self._page.media_types.get(title)
        line = self._page.lines.get(title, self._page.line)
        if found is None:
            if shown or (told is not None and told.value == "application/json"):
                yield self._told(
                    Kind.MISSING_IN_SPEC, line, place, title.lower(), f"the spec has no {title.lower()} here"
                )
            return
        if title not in self._page.sections:
            yield self._told(Kind.MISSING_IN_PAGE, line, place, title.lower(), f"the page has no section {title}")
            return
        if told is not None and told.value != "application/json":
            text = f"the page says {told.value}, the spec application/json"
            yield self._told(Kind.DIFFERENT, told.line, place, "media type", text)
        yield from self._members(title, shown, *found, operation)

    def _members(
        self, title: str, shown: list[Field], schema: Mapping[str, Any], pointer: str, operation: Operation
    ) -> Iterator[Difference]:
        """The members of one object; those of objects inside it only where the page unfolds them."""
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
        # Names of headers are the same in any case.
        fold = str.lower if title == "Headers" else str
        expected = {fold(field.name): field for field in known}
        for field in shown:
            match = expected.pop(fold(field.name), None)
            if match is None:
                pointer = f"{place}{sources.write((field.name,))}"
                text = f"{title}: {field.name} is not in the spec"
                yield self._told(Kind.MISSING_IN_SPEC, field.line, pointer, "field", text)
            else:
                yield from self._field(title, field, match)
        line = self._page.lines.get(title.partition(",")[0], self._page.line)
        for field in expected.values():
            text = f"{title}: {field.name} is not on the page"
            yield self._told(Kind.MISSING_IN_PAGE, line, field.pointer, "field", text)

    def _field(self, title: str, shown: Field, known: Field) -> Iterator[Difference]:
        told = f"{title}: {shown.name}"
        if shown.required != known.required:
            words = ("required", "optional") if shown.required else ("optional", "required")
            text = f"{told} is {words[0]} on the page, {words[1]} in the spec"
            yield self._told(Kind.DIFFERENT, shown.line, known.pointer, "required", text)
        if not _types_agree(shown.types, known.types):
            text = f"{told} is {_types(shown.types)} on the page, {_types(known.types)} in the spec"
            yield self._told(Kind.DIFFERENT, shown.line, known.pointer, "type", text)
        for keyword in KEYWORDS:
            yield from self._fact(told, keyword, shown, known)
        for example in shown.examples:
            for misfit in samples.misfits(self._spec.document, known.schema, example.value):
                text = f"{told}: the example is not valid: {misfit.text}"
                yield self._told(Kind.INVALID, example.line, known.pointer, "example", text)

    def _fact(self, told: str, keyword: str, shown: Field, known: Field) -> Iterator[Difference]:
        here, there = shown.facts.get(keyword), known.facts.get(keyword)
        if here is None and there is not None:
            if keyword == "enum" and known.is_open:
                # Any string is legal there; a page may well not list the values that are known.
                return
            text = f"{told}: {keyword} {_value(there)} is not on the page"
            yield self._told(Kind.MISSING_IN_PAGE, shown.line, there.pointer, keyword, text)
        elif here is not None and there is None:
            text = f"{told}: {keyword} {_value(here)} is not in the spec"
            yield self._told(Kind.MISSING_IN_SPEC, here.line, f"{known.pointer}/{keyword}", keyword, text)
        elif here is not None and there is not None and not _same(keyword, here.value, there.value):
            text = f"{told}: {keyword} is {_value(here)} on the page, {_value(there)} in the spec"
            yield self._told(Kind.DIFFERENT, here.line, there.pointer, keyword, text)

    # ---------------------------------------------------------------- samples

    def _samples(self, operation: Operation) -> Iterator[Difference]:
        for fact in self._page.broken:
            yield self._told(
                Kind.INVALID, fact.line, operation.pointer, "sample", f"a sample is not JSON: {fact.value}"
            )
        given = (
            ("request", self._page.request, operation.body()),
            ("response", self._page.response, operation.answer(self._page.status)),
        )
        for side, sample, found in given:
            if sample is None or found is None:
                continue
            for misfit in samples.misfits(self._spec.document, found[0], sample.value):
                line = samples.line(sample, misfit.path)
                text = f"the {side} sample is not valid: {misfit.told}"
                yield self._told(Kind.INVALID, line, found[1], "sample", text)

    def _told(self, kind: Kind, line: int, pointer: str, about: str, text: str) -> Difference:
        return Difference(kind, self._page.name, line, self._page.operation, pointer, about, text)


def _same_path(known: str, shown: str) -> bool:
    """Whether two paths are the same one; what a parameter is called does not count."""
    one, other = known.split("/"), shown.split("/")
    return len(one) == len(other) and all(a == b or (a[:1] == b[:1] == "{") for a, b in zip(one, other, strict=True))


def _types_agree(shown: frozenset[str], known: frozenset[str]) -> bool:
    """Whether a page's types are the spec's. A page rarely says that null is allowed, so its silence is none."""
    return not shown or not known or shown == known or shown == known - {"null"}


def _types(types: frozenset[str]) -> str:
    return " or ".join(sorted(types))


def _value(fact: Fact) -> str:
    return ", ".join(map(str, fact.value)) if isinstance(fact.value, list) else str(fact.value)


def _same(keyword: str, one: Any, other: Any) -> bool:
    return sorted(map(str, one)) == sorted(map(str, other)) if keyword == "enum" else bool(one == other)


def _renamed(field: Field, name: str) -> Field:
    return Field(name, field.types, field.required, field.facts, field.line, field.pointer, field.examples)
