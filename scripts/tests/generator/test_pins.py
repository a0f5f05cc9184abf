"""What we lean on of openapi-python-client, none of it documented, exists at the version that is pinned."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]

PARSED: dict[str, dict[str, set[str]]] = {
    "openapi_python_client.parser.openapi": {
        "GeneratorData": {"models", "enums", "errors", "endpoint_collections_by_tag", "from_dict"},
        "EndpointCollection": {"endpoints", "parse_errors"},
        "Endpoint": {"name", "path_parameters", "query_parameters", "header_parameters", "responses", "bodies"},
    },
    "openapi_python_client.parser.responses": {
        "Response": {"status_code", "prop"},
        "HTTPStatusPattern": {"pattern"},
    },
    "openapi_python_client.parser.bodies": {"Body": {"prop"}},
    "openapi_python_client.parser.errors": {"GeneratorError": {"header", "detail"}},
    "openapi_python_client.parser.properties.model_property": {
        "ModelProperty": {
            *("class_info", "required_properties", "optional_properties", "additional_properties", "data"),
            *("python_name", "name", "required"),
        },
    },
    "openapi_python_client.parser.properties.literal_enum_property": {
        "LiteralEnumProperty": {"class_info", "values", "value_type"}
    },
    "openapi_python_client.parser.properties.union": {"UnionProperty": {"inner_properties"}},
    "openapi_python_client.parser.properties.list_property": {"ListProperty": {"inner_property"}},
    "openapi_python_client.parser.properties.const": {"ConstProperty": {"value"}},
    "openapi_python_client.parser.properties.schemas": {
        "Schemas": {"classes_by_reference"},
        "Class": {"name", "module_name"},
    },
    "openapi_python_client.schema.untrusted_string": {"UntrustedString": {"get_untrusted_value"}},
    "openapi_python_client.strings": {"RESERVED_WORDS": set(), "ClassName": set(), "PythonIdentifier": set()},
    "openapi_python_client.config": {"Config": {"from_sources"}, "ConfigFile": {"load_from_path"}},
}
MODULES = "any boolean date datetime float int none protocol string uuid"


def attributes(declared: Any) -> set[str]:
    fields = {*getattr(declared, "__annotations__", {}), *dir(declared)}
    for base in getattr(declared, "__mro__", ()):
        fields |= set(getattr(base, "__annotations__", {}))
        fields |= set(getattr(base, "__slots__", ()))
    return fields


@pytest.mark.parametrize("module", PARSED)
def test_parser_attributes_that_we_use_exist(module: str) -> None:
    for name, wanted in PARSED[module].items():
        assert wanted <= attributes(getattr(importlib.import_module(module), name)), name


@pytest.mark.parametrize("module", MODULES.split())
def test_parser_property_classes_exist(module: str) -> None:
    assert importlib.import_module(f"openapi_python_client.parser.properties.{module}")


def test_parser_functions_take_our_arguments() -> None:
    from openapi_python_client import Project
    from openapi_python_client.config import Config
    from openapi_python_client.parser.properties import build_schemas

    assert {"openapi", "config", "custom_template_path"} <= set(inspect.signature(Project).parameters)
    assert set(inspect.signature(build_schemas).parameters) == {"components", "schemas", "config"}
    assert len(inspect.signature(Config.from_sources).parameters) == 6


@pytest.mark.parametrize("name", ["openapi-python-client", "ruff", "jinja2"])
def test_packages_that_shape_the_output_are_pinned_and_installed(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{name}=={importlib.metadata.version(name)}" in project["optional-dependencies"]["dev"]
