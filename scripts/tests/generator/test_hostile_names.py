"""Names and words that Python or the generated code could trip over: they work, or are refused with their place."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import aurous
import program_runs
import pytest
import regenerate
import small_specs
from generator import lint, method_tree, names
from generator.spec import Spec
from generator.yaml_loader import SpecError
from small_specs import operation, ref

PROGRAM = Path(__file__).with_name("programs") / "use_hostile_names.py"
GENERATED = Path(__file__).parents[3] / "generated" / "aurous_client"

WORDS = [
    'He said "no"',
    'ends in "quotes"',
    '"""',
    '"',
    "'''",
    "\\",
    "back\\slash \\n \\u00 \\N{DASH}",
    "{braces} {{double}} {% jinja %} {# note #} %s %(x)s",
    "line\nbreak\r\n\ttab",
    "null\0 bell\a del\x7f next\x85 sep\u2028",
    "__import__('os').system('true')",
    '"""\nimport os\n"""',
    "é ü 漢字 🙂",
    "# comment",
    " ",
]
MEMBERS = [
    *(
        "self",
        "cls",
        "rest",
        "_made",
        "source",
        "src_dict",
        "value",
        "type",
        "object",
        "from_dict",
        "to_dict",
        "encoded",
    ),
    *(
        "additional_properties",
        "timeout",
        "body",
        "extra_headers",
        "extra_body",
        "stream",
        "merge_body",
        "class",
        "None",
    ),
    *("True", "import", "list", "dict", "str", "int", "float", "bool", "uuid", "datetime", "id", "_origin", "request"),
    *("a-b", "c.d", "e f", "1st", "$ref-like", "ünï", "x/y", "~", "UPPER", "camelCase", "@context", "Any"),
    *("property", "field", "define", "kind", "parse", "encode", "UNSET", "made", "name", "create_thing", "create_odd"),
    *(
        "builtins",
        "evolve",
        "Mapping",
        "Literal",
        "super",
        "classmethod",
        "__init__",
        "__class__",
        "__slots__",
        "print",
    ),
    *("len", 'quote"', "back\\", "{x}b", "{% y %}", "z#", "v'", "w\n", "é", "json", "annotations", "caller", "T"),
]

SPELT_BADLY = ["_private", "2Fast", "Ünï", "a..b", "HTTPError_", "None", "any", "snake_", "-"]
TAKEN = ["Unset", "Any", "Mapping", "JsonObject", "Literal", "Self", "Request", "Response", "Operation", "Resources"]
TAKEN += ["Generic", "Sequence", "TypeError", "Exception", "StreamT", "AsyncCaller", "Union", "ErrorCodeInfo"]


def refused(folder: Path, document: dict[str, Any]) -> str:
    spec = Spec(small_specs.write(folder / "hostile.yaml", document))
    try:
        spec.validate()
        spec.normalize()
        lint.check(spec)
        method_tree.build(spec)
    except SpecError as error:
        return "\n".join(error.faults)
    return ""


@pytest.mark.parametrize("name", [*SPELT_BADLY, *TAKEN])
def test_component_name_that_is_no_class_name_is_refused(tmp_path: Path, name: str) -> None:
    document = small_specs.document(at={f"components schemas {name}": {"type": "object"}})
    pointer = name.replace("/", "~1")
    message = refused(tmp_path, document)
    assert "hostile.yaml:" in message
    assert f"#/components/schemas/{pointer}" in message or "components/schemas" in message or "'schemas'" in message, (
        message
    )


def test_reserved_names_of_the_package_are_listed() -> None:
    """Whatever a generated module imports or defines beside the spec's names cannot be the name of a component."""
    spec = Spec(Path(__file__).parents[3] / "openapi.yaml")
    # Inline objects have classes too.
    spec.normalize()
    ours: set[str] = set()
    for file in [*GENERATED.glob("models/*.py"), *GENERATED.glob("api/*/*.py"), GENERATED / "resources.py"]:
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                ours |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.ClassDef):
                ours.add(node.name)
    ours -= {*spec.schemas, *(names.module_name(o["operationId"]) for _, o in spec.operations())}
    classes = {name for name in ours if name[0].isupper() and not name.endswith("Resource")}
    assert classes <= names.RESERVED_CLASSES
    functions = {"annotations", "get_args", "to_json", "to_query", "to_segment"}
    assert {name for name in ours if name[0].islower()} - functions <= names.RESERVED_MODULES


def test_every_public_name_of_the_clients_is_refused_as_a_namespace() -> None:
    tree = method_tree.build(Spec(Path(__file__).parents[3] / "openapi.yaml"))
    public = {name for client in (aurous.Aurous, aurous.AsyncAurous) for name in dir(client) if name[0] != "_"}
    assert public - tree.children.keys() <= method_tree.OF_CLIENTS


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/import", "'import' cannot be the name of a namespace"),
        ("/v1/2fa", "'2fa' cannot be the name of a namespace"),
        ("/v1/list", "'list' cannot be the name of a namespace"),
        ("/v1/str", "'str' cannot be the name of a namespace"),
        ("/v1/_caller", "'_caller' cannot be the name of a namespace"),
        ("/v1/é", "'é' cannot be the name of a namespace"),
        ("/v1/close", "close is a name of the client already"),
        ("/v1/{id}", "no method name follows from /v1/{id}"),
        ("/", "no method name follows from /"),
        ("/v1/things/{id}/parts/{part}", ""),
        ("/v1/thing-s", ""),
    ],
)
def test_path_without_a_usable_method_name_is_refused(tmp_path: Path, path: str, message: str) -> None:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("id", "part")
        if f"{{{name}}}" in path
    ]
    document = small_specs.document()
    document["paths"][path] = {"get": operation("getOther", parameters=parameters)}
    output = refused(tmp_path, document)
    assert (message in output and "hostile.yaml:" in output) if message else not output, output


@pytest.mark.parametrize("explicit", ["things", "things.import", ".x", "things.", "things.a b", "things.create", 7])
def test_invalid_explicit_method_name_is_refused(tmp_path: Path, explicit: object) -> None:
    document = small_specs.document()
    document["paths"]["/v1/other"] = {"get": operation("getOther", **{"x-sdk-method": explicit})}
    assert "hostile.yaml:" in refused(tmp_path, document)


@pytest.mark.parametrize(
    ("first", "second"), [("/v1/a_b/c", "/v1/a/b_c"), ("/v1/a-b", "/v1/a_b"), ("/v1/a_b", "/v1/a.b")]
)
def test_two_namespaces_of_one_name_are_refused(tmp_path: Path, first: str, second: str) -> None:
    document = small_specs.document()
    document["paths"] |= {first: {"get": operation("one")}, second: {"get": operation("two")}}
    assert "hostile.yaml:" in refused(tmp_path, document)


def test_component_named_like_a_namespace_is_refused(tmp_path: Path) -> None:
    document = small_specs.document(at={"components schemas ThingsResource": {"type": "object"}})
    assert "ThingsResource would be the class of things and a component" in refused(tmp_path, document)


@pytest.mark.parametrize(
    ("first", "second"), [("fooBar", "foo_bar"), ("a b", "a-b"), ("~", "{"), ("Type", "type"), ("class", "class_")]
)
def test_members_with_the_same_attribute_name_are_refused(tmp_path: Path, first: str, second: str) -> None:
    members = {first: {"type": "string"}, second: {"type": "string"}}
    message = refused(tmp_path, small_specs.document(at={"components schemas Piece properties": members}))
    assert f"R1: {second!r} and {first!r} would be the same attribute of Piece" in message


def test_hostile_member_and_parameter_names_are_usable(tmp_path: Path) -> None:
    document = small_specs.document()
    properties = {name: {"type": "string", "description": word} for name, word in zip(MEMBERS, WORDS * 9, strict=False)}
    everything = " \n".join(WORDS)
    document["components"]["schemas"] |= {
        "Odd": {"type": "object", "description": everything, "title": "Mapping", "properties": properties},
        "Word": {"type": "string", "description": WORDS[2], "enum": WORDS},
        "Exact": {
            "type": "object",
            "required": [f"m{i}" for i in range(len(WORDS))],
            "properties": {f"m{i}": {"type": "string", "const": word, "default": word} for i, word in enumerate(WORDS)},
        },
    }
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "pattern": '"""\\d{2}', "description": everything}}
        for name in (
            "client",
            "body",
            "self",
            "timeout",
            "extra_headers",
            "to_json",
            "merge_body",
            "from",
            'a"b',
            "stream",
        )
    ]
    document["paths"]["/v1/odd"] = {
        "post": operation(
            "createOdd",
            tags=["import os", "x"],
            parameters=parameters,
            requestBody={"required": True, "content": {"application/json": {"schema": ref("Odd")}}},
            description=everything,
            responses={"200": small_specs.response(ref("Odd"))},
        )
        | {"summary": WORDS[1] + everything, "tags": ["import os"]}
    }
    document["tags"] = [{"name": "import os", "description": '"""'}, {"name": "odd", "description": 'x"'}]
    document["info"] |= {"title": everything, "version": '1"\\'}
    document["servers"] = [{"url": 'https://example.com/"""\\'}]
    document["components"]["securitySchemes"]["ApiKey"]["name"] = 'X-"""-\\'
    document["components"]["x-error-codes"] |= {
        word: {"status": 400, "type": word, "retryable": True, "when": word, "page": word} for word in WORDS
    }
    document["paths"]["/v1/odd"]["post"]["x-errors"] = WORDS
    package = tmp_path / "aurous_client"
    assert regenerate.generate(small_specs.write(tmp_path / "hostile.yaml", document), package)
    (tmp_path / "hostile.json").write_text(json.dumps([MEMBERS, WORDS]), encoding="utf-8")
    program_runs.check_program(tmp_path, "-W", "error", PROGRAM)
