"""The coverage check names each kind of thing that a generator can drop, with its place in the spec."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import small_specs
from generator import coverage
from generator.spec import Spec
from generator.yaml_loader import SpecError

# (file, what stands in it, what stands there instead, what the check says of it)
LOSSES = [
    ("models/__init__.py", "from .piece import Piece as Piece", "", "schemas/Piece: schema Piece"),
    ("models/__init__.py", '"Piece": "piece",', "", "schemas/Piece: schema Piece"),
    ("models/thing.py", 'src_dict["count"]', "UNSET", "properties/count: member Thing.count"),
    ("models/thing.py", 'encoded["count"] = ', "_ = ", "properties/count: member Thing.count"),
    ("models/thing.py", "count: int | Unset = UNSET", "", "properties/count: member Thing.count"),
    ("models/thing.py", "Circle | Square", "Circle", "properties/shape: alternative Square of Thing.shape"),
    ("models/thing.py", "list[Thing]", "list[Any]", "properties/parts: alternative Thing of Thing.parts"),
    ("models/thing.py", 'Literal["thing"]', "str", "object/const: value 'thing' of Thing.object"),
    ("models/counts.py", "dict[str, Circle]", "dict[str, Any]", "additionalProperties: the type of further members"),
    ("models/aliases.py", "Circle | Square", "Circle", "schemas/Shape: alternative Square of Shape"),
    ("models/aliases.py", "Shape: TypeAlias = Circle | Square", "", "schemas/Shape: what Shape stands for"),
    ("models/mood.py", 'Literal["glad", "sad"]', 'Literal["glad"]', "enum/1: value 'sad' of Mood"),
    ("models/mood.py", "get_args(Mood)", "()", "enum: the tuple of the values of Mood"),
    ("api/things/__init__.py", '"list_things": "list_things",', "", "get: operation listThings"),
    ("api/things/list_things.py", "OPERATION: Final", "OTHER: Final", None),
    ("api/things/list_things.py", "= Operation(", "= Opera(", "get: operation listThings"),
    ("api/things/list_things.py", 'method="GET"', 'method="POST"', "get: the path or method of listThings"),
    ("api/things/list_things.py", "async def asyncio(", "async def other(", "get: function asyncio of listThings"),
    ("api/things/list_things.py", '"limit": limit', '"other": limit', "get: parameter limit of listThings"),
    (
        "api/things/list_things.py",
        "parse=_models.ThingList.from_dict",
        "parse=_parse.null",
        "json: the JSON answer of listThings",
    ),
    ("api/things/list_records.py", "paging=_Paging(", "other=_Paging(", "x-paging: the pages of listRecords"),
    ("api/things/retrieve_thing.py", 'to_segment("id", id)', 'str("id")', "get: parameter id of retrieveThing"),
    (
        "api/things/create_thing.py",
        '"Idempotency-Key": idempotency_key',
        '"Other": idempotency_key',
        "post: parameter Idempotency-Key of",
    ),
    ("api/things/create_thing.py", "content=to_json(body)", "content=None", "requestBody: the body of createThing"),
    (
        "api/things/create_thing.py",
        "parse=_models.Piece.from_dict",
        "parse=_parse.anything",
        "event-stream: the events of createThing",
    ),
    ("api/things/create_thing.py", 'terminator="[DONE]"', "terminator=None", "event-stream: the events of createThing"),
    ("resources.py", "def retrieve(", "def fetch(", "get: method things.retrieve (sync)"),
    ("resources.py", "async def retrieve(", "async def fetch(", "get: method things.retrieve (async)"),
    ("resources.py", "def stream(", "def open(", "post: method things.stream (sync)"),
    ("resources.py", '"mood": mood', '"other": mood', "post: parameter mood of method things.create (sync)"),
    (
        "resources.py",
        "limit=UNSET if limit is None else limit",
        "",
        "get: parameter limit of method things.list (sync)",
    ),
    (
        "resources.py",
        "retrieve_thing.build_request(id)",
        "retrieve_thing.build_request()",
        "get: parameter id of method",
    ),
    ("resources.py", "body=_body, ", "", "post: the body of method things.create (sync)"),
    ("error_codes.py", '"too_much"', '"another"', "too_much: error code too_much"),
]


@pytest.fixture
def tampered(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / "aurous_client"))


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    small_spec = Spec(small_specs.write(tmp_path_factory.mktemp("spec") / "small.yaml", small_specs.document()))
    small_spec.normalize()
    return small_spec


def losses(spec: Spec, package: Path) -> str:
    try:
        coverage.check(spec, package)
    except SpecError as error:
        return "\n".join(error.faults)
    return ""


@pytest.mark.parametrize(("file", "was", "becomes", "message"), LOSSES)
def test_lost_part_of_the_spec_is_named(
    tampered: Path, spec: Spec, file: str, was: str, becomes: str, message: str | None
) -> None:
    target = tampered / file
    source = target.read_text(encoding="utf-8")
    assert was in source
    target.write_text(source.replace(was, becomes, 1), encoding="utf-8")
    output = losses(spec, tampered)
    assert (message in output and "was dropped" in output) if message else not output, output


@pytest.mark.parametrize("file", ["resources.py", "error_codes.py", "models/thing.py", "api/things/list_things.py"])
def test_missing_file_is_reported_as_lost(tampered: Path, spec: Spec, file: str) -> None:
    (tampered / file).unlink()
    assert "was dropped" in losses(spec, tampered)


def test_complete_package_has_no_losses(package: Path, spec: Spec) -> None:
    assert losses(spec, package) == ""


@pytest.mark.parametrize(
    ("change", "lost", "message"),
    [
        pytest.param(
            {"components schemas Thing properties weight": {"type": "integer"}},
            ("components", "schemas", "Thing", "properties", "weight"),
            "Thing/properties/weight: member weight",
            id="member",
        ),
        pytest.param(
            {"paths /v1/things get parameters 1": {"name": "page", "in": "query", "schema": {"type": "integer"}}},
            ("paths", "/v1/things", "get", "parameters", 1),
            "get/parameters/1: parameter page",
            id="parameter",
        ),
    ],
)
def test_what_normalizing_loses_is_reported(
    package: Path, tmp_path: Path, change: dict[str, Any], lost: tuple[str | int, ...], message: str
) -> None:
    document = small_specs.document()
    for path, value in change.items():
        *steps, last = path.split(" ")
        holder: Any = document
        for step in steps:
            holder = holder[step]
        holder.append(value) if isinstance(holder, list) else holder.update({last: value})
    spec = Spec(small_specs.write(tmp_path / "small.yaml", document))
    spec.normalize()
    node: Any = spec.document
    for step in lost[:-1]:
        node = node[step]
    del node[lost[-1]]
    assert message in losses(spec, package)
