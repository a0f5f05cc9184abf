"""Makes components of inline objects and enums, named by their place: `Thing.usage` becomes `ThingUsage`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..schemas import METHODS
from ..yaml_loader import Pointer
from .draft import Draft, class_name

# What a schema says of the member or parameter that has it; docstrings look for it there.
_OF_USE = ("default", "deprecated", "readOnly", "writeOnly")


def hoist(draft: Draft) -> None:
    """Replace every inline object and enum by a $ref to a component."""
    _Hoister(draft).run()


class _Hoister:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._components = draft.components("schemas")
        self._errors: dict[str, str] = {}
        """Components of inline error bodies, by their text: each operation repeats them."""

    def run(self) -> None:
        for name in list(self._components):
            self._visit(self._components[name], ("components", "schemas", name), name)
        for holder, pointer, name in self._holders():
            self._name(holder, pointer[-1], pointer, name)

    def _holders(self) -> Iterator[tuple[Any, Pointer, str]]:
        """Whatever holds a schema that is no component: (what has it as a member, pointer, name for it)."""
        document = self._draft.document
        for kind in ("parameters", "responses"):
            for name, holder in document.get("components", {}).get(kind, {}).items():
                suffix = "" if kind == "parameters" else "body"
                yield from _schemas_in(holder, ("components", kind, name), class_name(name, suffix))
        for path, item in document.get("paths", {}).items():
            for index, parameter in enumerate(item.get("parameters", ())):
                name = class_name(*str(path).split("/"), parameter.get("name", ""))
                yield from _schemas_in(parameter, ("paths", path, "parameters", index), name)
            for method in METHODS:
                if method in item:
                    yield from _of_operation(item[method], ("paths", path, method))

    def _visit(self, schema: Any, pointer: Pointer, name: str) -> None:
        """Name what is inside a schema that needs no name, or has one."""
        if not isinstance(schema, dict):
            return
        for member in schema.get("properties", {}):
            self._name(schema["properties"], member, (*pointer, "properties", member), class_name(name, member))
        if "items" in schema:
            self._name(schema, "items", (*pointer, "items"), class_name(name, "item"))
        if isinstance(schema.get("additionalProperties"), dict):
            self._name(schema, "additionalProperties", (*pointer, "additionalProperties"), class_name(name, "value"))
        for keyword in ("oneOf", "anyOf"):
            branches = schema.get(keyword, ())
            nameless = [branch for branch in branches if _needs_name(branch)]
            for index, branch in enumerate(branches):
                label = _label(branch) if len(nameless) > 1 else ""
                suffix = label or (f"option{index + 1}" if len(nameless) > 1 else "value" * (name in self._components))
                self._name(branches, index, (*pointer, keyword, index), class_name(name, suffix))

    def _name(self, holder: Any, key: Any, pointer: Pointer, name: str) -> None:
        schema = holder[key]
        if not _needs_name(schema):
            self._visit(schema, pointer, name)
            return
        text = json.dumps(schema, sort_keys=True)
        is_error = "responses" in pointer and str(pointer[pointer.index("responses") + 1])[0] in "45"
        if is_error and text in self._errors:
            holder[key] = {"$ref": f"#/components/schemas/{self._errors[text]}"}
            return
        free = name
        number = 2
        while free in self._components:
            free, number = f"{name}{number}", number + 1
        if is_error:
            self._errors[text] = free
        of_use = {keyword: schema.pop(keyword) for keyword in _OF_USE if keyword in schema}
        self._components[free] = schema
        holder[key] = {"$ref": f"#/components/schemas/{free}", **of_use}
        where: Pointer = ("components", "schemas", free)
        self._draft.sources.move(where, pointer)
        self._visit(schema, where, free)


def _of_operation(operation: Mapping[str, Any], pointer: Pointer) -> Iterator[tuple[Any, Pointer, str]]:
    own = operation.get("operationId") or "_".join(str(step) for step in pointer[1:])
    for index, parameter in enumerate(operation.get("parameters", ())):
        yield from _schemas_in(parameter, (*pointer, "parameters", index), class_name(own, parameter.get("name", "")))
    if "requestBody" in operation:
        yield from _schemas_in(operation["requestBody"], (*pointer, "requestBody"), class_name(own, "request"))
    responses = operation.get("responses", {})
    successes = [status for status in responses if str(status)[0] == "2" and responses[status].get("content")]
    for status, response in responses.items():
        if str(status)[0] in "45":
            name = class_name(own, "error")
        else:
            name = class_name(own, "response", status if len(successes) > 1 else "")
        yield from _schemas_in(response, (*pointer, "responses", status), name)


def _schemas_in(holder: Any, pointer: Pointer, name: str) -> Iterator[tuple[Any, Pointer, str]]:
    if "schema" in holder:
        yield holder, (*pointer, "schema"), name
    for media_type, media in holder.get("content", {}).items():
        if "schema" in media and media_type != "text/event-stream":
            yield media, (*pointer, "content", media_type, "schema"), name


def _needs_name(schema: Any) -> bool:
    if not isinstance(schema, dict) or "$ref" in schema:
        return False
    return "enum" in schema or schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _label(branch: Any) -> str:
    """The value of the tag of an alternative, if it has one."""
    members = branch.get("properties", {}).values() if isinstance(branch, dict) else ()
    constants = [member["const"] for member in members if isinstance(member, dict) and "const" in member]
    return str(constants[0]) if constants else ""
