"""Builds the template contexts of models, enums and unions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from openapi_python_client import schema as oai
from openapi_python_client.config import Config
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.properties import build_schemas
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.literal_enum_property import LiteralEnumProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.schemas import Schemas
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.strings import snake_case

from . import docstrings, paging, types
from .lint import union_objects
from .schemas import walk
from .spec import Spec, component_name

# Before the names of models, where they are used but not loaded: in annotations, until somebody evaluates them.
PACKAGE = "_models."


class Models:
    """The classes, enums and aliases of a spec, and the context of the template that writes each."""

    def __init__(self, spec: Spec, parsed: GeneratorData, config: Config) -> None:
        self.spec = spec
        self.named = named = _named_schemas(spec, config)
        """Every component, as it was parsed."""
        self.classes = {str(m.class_info.name): m for m in parsed.models if not types.is_free_form(m)}
        self.enums: dict[str, LiteralEnumProperty] = {
            str(enum.class_info.name): enum for enum in parsed.enums if isinstance(enum, LiteralEnumProperty)
        }
        self.aliases = {name: prop for name, prop in named.items() if name not in {*self.classes, *self.enums}}
        self.page_items = paging.page_items(spec)
        """The member that has the items, by the component of a page."""
        self.names = types.Names(unions=_union_names(named), tagged=_tagged_models(spec), package=PACKAGE)

    def modules(self) -> list[tuple[str, str]]:
        """(module, name) of everything that `models` exports."""
        owned: dict[str, ModelProperty | LiteralEnumProperty] = {**self.classes, **self.enums}
        imports = [(str(prop.class_info.module_name), name) for name, prop in owned.items()]
        return sorted(imports + [("aliases", name) for name in self.aliases])

    def members_of(self, name: str) -> list[PropertyProtocol]:
        """The members of a class, in the order of the spec."""
        model = self.classes[name]
        order = list(self.spec.schemas.get(name, {}).get("properties", {}))
        props = [*(model.required_properties or ()), *(model.optional_properties or ())]
        return sorted(props, key=lambda prop: order.index(wire_name(prop)) if wire_name(prop) in order else len(order))

    def page_attributes(self, operation: Mapping[str, Any]) -> paging.PageAttributes | None:
        """How the client goes on with the list of an operation; None where it has no pages."""
        declared = paging.paging_of(operation)
        if declared is None:
            return None
        page = paging.page_component(self.spec, operation)
        attributes = {wire_name(prop): str(prop.python_name) for prop in self.members_of(page)}
        return paging.PageAttributes(
            items=attributes[declared.items],
            cursor=attributes[declared.cursor],
            parameter=declared.parameter,
            has_more=None if declared.has_more is None else attributes[declared.has_more],
            backward=declared.backward,
            item=self.item_of(page, self.names),
        )

    def item_of(self, page: str, names: types.Names) -> str:
        """The type of the items of a page."""
        items = next(prop for prop in self.members_of(page) if wire_name(prop) == self.page_items[page])
        return types.annotation(items, names).removeprefix("list[").removesuffix("]")

    def model(self, name: str) -> dict[str, Any]:
        schema = self.spec.schemas.get(name, {})
        written = schema.get("properties", {})
        props = self.members_of(name)
        extra = self.classes[name].additional_properties
        tagged = name in self.names.tagged
        return {
            "name": name,
            "base": f'_Page["{self.item_of(name, types.Names())}"]' if name in self.page_items else "JsonObject",
            "doc": docstrings.docstring(docstrings.sentence(str(schema.get("description", name)))),
            "members": [self._member(name, prop, written.get(wire_name(prop), {}), tagged) for prop in props],
            "additional": {
                "annotation": types.annotation(extra) if extra else "Any",
                "parser": types.parser(extra) if extra else "_parse.anything",
                "is_map": isinstance(schema.get("additionalProperties"), dict),
            },
            "imports": self.imports([*props, *([extra] if extra else [])], "", own=name),
        }

    def _member(self, model: str, prop: PropertyProtocol, schema: Mapping[str, Any], tagged: bool) -> dict[str, Any]:
        scalar = types.scalar(prop, tagged)
        constant = types.literal(prop) if isinstance(prop, ConstProperty) else None
        name = str(prop.python_name)
        described = docstrings.describe(self.spec, schema)
        may_lack = (model, wire_name(prop)) in self.spec.lacking
        if may_lack:
            described = f"{described} Earlier versions of the API do not send it.".strip()
        return {
            "name": name,
            "wire_name": types.quoted_name(prop),
            # Unions are spelt out: their names stand in a module that imports this one.
            "annotation": types.annotation(prop) + " | Unset" * may_lack,
            # An optional const is sent only where the spec makes it the default.
            "default": constant if prop.required or "default" in schema else "UNSET",
            "required": prop.required and not may_lack,
            "doc": docstrings.docstring(described) if described else None,
            "encoder": f"self.{name}" if types.is_plain(prop) else f"_encode(self.{name})",
            "scalar": scalar and scalar[0],
            "nullable": bool(scalar and scalar[2]) or types.is_nullable(prop),
            "parser": f"_parse.{scalar[1]}" if scalar and not scalar[2] else types.parser(prop),
            "nested": types.nested(prop),
            # The one value that such a member can have is no reason to refuse an answer that lacks it.
            "const": constant if prop.required and not tagged else None,
            "is_tag": tagged and constant is not None,
        }

    def enum(self, name: str) -> dict[str, Any]:
        enum = self.enums[name]
        schema = self.spec.schemas.get(name, {})
        values = schema.get("enum") or sorted(enum.values, key=str)
        return {
            "name": name,
            "constant": f"{snake_case(name).upper()}_VALUES",
            "values": [repr(value) for value in values],
            "doc": docstrings.docstring(docstrings.sentence(str(schema.get("description", name)))),
        }

    def alias_module(self) -> dict[str, Any]:
        # Spelt out, since a union may be named before the one it is part of.
        bare = types.Names()
        return {
            "imports": self.imports(self.aliases.values(), ""),
            "aliases": [
                {
                    "name": name,
                    "annotation": types.annotation(prop, bare),
                    "doc": docstrings.docstring(
                        docstrings.sentence(str(self.spec.schemas[name].get("description", name)))
                    ),
                }
                for name, prop in self.aliases.items()
            ],
        }

    @staticmethod
    def imports(props: Iterable[PropertyProtocol], package: str, own: str = "") -> list[str]:
        """The import of every class and enum that `props` refer to, from the folder of the models."""
        wanted = {each for prop in props for each in _classes_of(prop) if each[0] != own}
        return [f"from {package}.{module} import {name}" for name, module in sorted(wanted)]


def _named_schemas(spec: Spec, config: Config) -> dict[str, PropertyProtocol]:
    """Every component as openapi-python-client parsed it, by the name that it has in Python."""
    document = oai.OpenAPI.model_validate(spec.for_parser)
    listed = document.components.schemas if document.components else None
    parsed = build_schemas(components=listed or {}, schemas=Schemas(), config=config)
    by_reference = {reference.get_untrusted_value(): prop for reference, prop in parsed.classes_by_reference.items()}
    return {component_name(reference): by_reference[reference] for reference in sorted(by_reference)}


def _union_names(named: Mapping[str, PropertyProtocol]) -> dict[frozenset[str], str]:
    """The name of each union as other packages write it, by its branches as they do."""
    elsewhere = types.Names(package=PACKAGE)
    return {
        frozenset(types.annotation(branch, elsewhere) for branch in prop.inner_properties): f"{PACKAGE}{name}"
        for name, prop in named.items()
        if isinstance(prop, UnionProperty)
    }


def _tagged_models(spec: Spec) -> frozenset[str]:
    """The models that some union tells apart by their const members."""
    unions = (union_objects(spec, place.keywords) for place in walk(spec.document) if not place.wire_only)
    return frozenset(name for objects in unions if len(objects) > 1 for name in objects)


def _classes_of(prop: PropertyProtocol) -> Iterable[tuple[str, str]]:
    """(name, module) of every class and enum that `prop` refers to."""
    return ((str(p.class_info.name), str(p.class_info.module_name)) for p in types.references(prop))


def wire_name(prop: PropertyProtocol) -> str:
    return str(prop.name.get_untrusted_value())
