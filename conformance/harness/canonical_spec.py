"""Gives a spec the canonical names of members and values, which rules and checks use for every version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurous_mock.contract import renames
from aurous_mock.contract.document import RENAMED_MEMBER, RENAMED_VALUES, Document

# The members of these are values, not parts of the spec.
_VALUES = frozenset({"example", "examples", "default", "const", "enum"})


def canonical(root: dict[str, Any]) -> dict[str, Any]:
    """The spec with canonical names throughout, its examples included; the spec itself if it renames nothing."""
    document = Document(root)
    if not document.has_renames:
        return root
    spec: dict[str, Any] = _Translation(document).of(root)
    return spec


class _Translation:
    def __init__(self, document: Document) -> None:
        self._document = document
        envelope = renames.of_schema(document, document.root["components"]["schemas"]["ErrorEnvelope"])
        self._codes = {new: name for name, new in envelope.within("error", "code").values.items()}

    def of(self, node: Any) -> Any:
        """A part of the spec, and all that is in it."""
        if isinstance(node, list):
            return [self.of(child) for child in node]
        if not isinstance(node, Mapping):
            return node
        translated = {
            name: self._value(node, child) if name in _VALUES else self.of(child)
            for name, child in node.items()
            if name not in (RENAMED_MEMBER, RENAMED_VALUES)
        }
        if isinstance(node.get("properties"), Mapping):
            self._rename_members(node, translated)
        if node is self._document.root["components"]:
            codes = translated["x-error-codes"]
            translated["x-error-codes"] = {self._codes.get(name, name): row for name, row in codes.items()}
            translated["examples"] = self._shared_examples(node.get("examples") or {})
        if "x-errors" in node:
            translated["x-errors"] = [self._codes.get(name, name) for name in node["x-errors"]]
        if "x-charge" in node:
            names = renames.of_responses(self._document, node).inverse
            amount = renames.translate_path(node["x-charge"]["amount"], names)
            translated["x-charge"] = {**node["x-charge"], "amount": amount}
        return translated

    def _value(self, holder: Mapping[str, Any], value: Any) -> Any:
        """An example or another value of a schema."""
        names = self._names(holder.get("schema", holder))
        if "schema" in holder and isinstance(value, Mapping) and all(_is_example(each) for each in value.values()):
            return {name: {**each, "value": renames.translate(each["value"], names)} for name, each in value.items()}
        return renames.translate(value, names)

    def _shared_examples(self, examples: Mapping[str, Any]) -> dict[str, Any]:
        """The examples that several places refer to, each of the schema at one of these."""
        names = {}
        for holder in self._document.nodes():
            users = holder.get("examples") if "schema" in holder else None
            for example in users.values() if isinstance(users, Mapping) else ():
                if isinstance(example, Mapping) and "$ref" in example:
                    names[example["$ref"].rpartition("/")[2]] = self._names(holder["schema"])
        return {
            name: {**each, "value": renames.translate(each.get("value"), names.get(name, renames.NONE))}
            for name, each in examples.items()
        }

    def _names(self, schema: Any) -> renames.Names:
        return renames.of_schema(self._document, schema).inverse

    def _rename_members(self, node: Mapping[str, Any], translated: dict[str, Any]) -> None:
        members = node["properties"]
        earlier = {
            name: member[RENAMED_MEMBER]
            for name, member in members.items()
            if isinstance(member, Mapping) and RENAMED_MEMBER in member
        }
        translated["properties"] = {earlier.get(name, name): self.of(member) for name, member in members.items()}
        if "required" in node:
            translated["required"] = [earlier.get(name, name) for name in node["required"]]


def _is_example(node: Any) -> bool:
    return isinstance(node, Mapping) and "value" in node
