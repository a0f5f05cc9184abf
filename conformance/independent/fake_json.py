"""Values that fit a JSON Schema, for structured answers and for the arguments of tools."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import unquote

MAX_DEPTH = 12
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "jetty")
_FORMATS = {
    "date-time": "2026-05-15T12:00:00Z",
    "date": "2026-05-15",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "3b241101-e2bb-4255-8caf-4136c566a962",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
_TYPE_BY_KEYWORD = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "minItems": "array",
    "minLength": "string",
    "pattern": "string",
    "minimum": "number",
    "maximum": "number",
}


class Faker:
    """Makes values for the schemas within one root, the same ones for the same seed."""

    def __init__(self, root: Any, seed: str) -> None:
        self.root = root
        self.random = random.Random(seed)

    def value(self, schema: Any, depth: int = 0) -> Any:
        """Return a value that fits `schema`, as small as possible once it has nested deeply."""
        if not isinstance(schema, dict):
            return self.random.choice(_WORDS)
        if "$ref" in schema:
            return self.value(self.resolve(schema["$ref"]), depth + 1) if depth < 4 * MAX_DEPTH else None
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self.random.choice(schema["enum"])
        for name in ("anyOf", "oneOf"):
            if isinstance(schema.get(name), list) and schema[name]:
                branch = self._branch(schema[name], depth)
                siblings = {key: member for key, member in schema.items() if key != name}
                return self.value(_merge(siblings, branch) if isinstance(branch, dict) else branch, depth + 1)
        if isinstance(schema.get("allOf"), list):
            merged = {key: member for key, member in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                merged = _merge(merged, self._expand(part))
            return self.value(merged, depth + 1)
        return self._typed(schema, depth)

    def resolve(self, reference: str) -> Any:
        """Return the schema that a local `$ref` points to; an empty one if there is none."""
        target = self.root
        for step in unquote(reference.removeprefix("#")).split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and step in target:
                target = target[step]
            elif isinstance(target, list) and step.isdigit() and int(step) < len(target):
                target = target[int(step)]
            else:
                return {}
        return target

    def _expand(self, schema: Any) -> dict[str, Any]:
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            schema = self.resolve(schema["$ref"])
        return schema if isinstance(schema, dict) else {}

    def _branch(self, branches: list[Any], depth: int) -> Any:
        if depth > MAX_DEPTH:
            for branch in branches:
                if isinstance(branch, dict) and "$ref" not in branch and branch.get("type") not in ("object", "array"):
                    return branch
        return branches[0]

    def _typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = "null" if depth > MAX_DEPTH and "null" in kind else next(iter(kind), None)
        if kind is None:
            kind = next((kind for keyword, kind in _TYPE_BY_KEYWORD.items() if keyword in schema), "string")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return self.random.random() < 0.5
        return None if kind == "null" else self._string(schema)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required")
        required = required if isinstance(required, list) else []
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        names = list(properties) if depth <= MAX_DEPTH else []
        names += [name for name in required if isinstance(name, str) and name not in names]
        return {name: self.value(properties.get(name, {}), depth + 1) for name in names}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        least = _whole(schema.get("minItems"), 0)
        wanted = least if depth > MAX_DEPTH else max(least, min(2, _whole(schema.get("maxItems"), 2)))
        positional = schema.get("prefixItems")
        positional = positional if isinstance(positional, list) else []
        items: list[Any] = []
        for index in range(min(wanted, 50)):
            item = positional[index] if index < len(positional) else schema.get("items", {})
            items.append(self.value(item, depth + 1))
        return items

    def _number(self, schema: dict[str, Any], *, whole: bool) -> Any:
        least, most = schema.get("minimum"), schema.get("maximum")
        if "exclusiveMinimum" in schema:
            least = schema["exclusiveMinimum"] + 1
        if "exclusiveMaximum" in schema:
            most = schema["exclusiveMaximum"] - 1
        least = (most - 10 if isinstance(most, (int, float)) else 1) if not isinstance(least, (int, float)) else least
        most = least + 40 if not isinstance(most, (int, float)) else most
        step = schema.get("multipleOf")
        if isinstance(step, (int, float)) and step > 0:
            value = -(-least // step) * step
        else:
            value = self.random.randint(int(-(-least // 1)), max(int(most), int(-(-least // 1))))
        return int(value) if whole else value

    def _string(self, schema: dict[str, Any]) -> str:
        text = _FORMATS.get(str(schema.get("format"))) or " ".join(self.random.sample(_WORDS, 2))
        least, most = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), 10_000)
        while len(text) < min(least, 1000):
            text += " " + self.random.choice(_WORDS)
        return text[:most].strip() if most >= least else text


def _whole(value: Any, default: int) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = one | other
    for name in ("properties", "$defs"):
        if isinstance(one.get(name), dict) and isinstance(other.get(name), dict):
            merged[name] = one[name] | other[name]
    if isinstance(one.get("required"), list) and isinstance(other.get("required"), list):
        merged["required"] = [*one["required"], *other["required"]]
    return merged
