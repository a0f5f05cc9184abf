"""A client can be pinned to every released version: what an earlier one does not send is not required."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import program_runs
import pytest
import regenerate
import small_specs
from aurous_mock.server.launcher import running
from generator.earlier_versions import missing_members
from generator.spec import Spec
from generator.yaml_loader import load
from small_specs import ref

ROOT = Path(__file__).parents[3]
NEXT = "2099-01-01"
THING = "components schemas Thing"
NOTE = {f"{THING} properties note": {"type": "string"}}
PIECE = "components schemas Piece required"
STREAM = "paths /v1/things post responses 200 content text/event-stream schema"
# Pinned to the version of the first argument, in the package generated for the next one.
PROGRAM = """
import sys
import aurous, aurous_client
assert "generated" not in aurous_client.__file__
with aurous.Aurous("al_live_" + "0" * 64, base_url=sys.argv[2], api_version=sys.argv[1]) as client:
    arguments = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello"}]}
    completion = client.chat.completions.create(**arguments)
    with client.chat.completions.stream(**arguments) as stream:
        assert "".join(stream.text)
    assert client.chat.completions.retrieve(completion.id).usage.credits_charged
    assert completion.usage.imaginary_units is aurous_client.UNSET or sys.argv[1] == aurous_client.API_VERSION
    assert client.ledger.credits == aurous.receipt(completion).credits + stream.receipt.credits
"""


def missing(tmp_path: Path, new: dict[str, Any], old: dict[str, Any]) -> set[tuple[str, str]]:
    files = [
        small_specs.write(tmp_path / f"{name}.yaml", small_specs.document(at=changes))
        for name, changes in (("new", new), ("old", old))
    ]
    spec = Spec(files[0])
    spec.normalize()
    return {(str(pointer[-1]), member) for pointer, member in missing_members(spec, load(files[1]))}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param({}, {}, set(), id="same version"),
        pytest.param(NOTE, {}, set(), id="new optional member"),
        pytest.param(NOTE | {f"{THING} required": ["id", "object", "note"]}, {}, {("Thing", "note")}, id="new member"),
        pytest.param({f"{THING} required": ["id", "object", "count"]}, {}, {("Thing", "count")}, id="became required"),
        pytest.param({}, {f"{THING} required": ["object"]}, {("Thing", "id")}, id="was optional"),
        pytest.param(
            {"components schemas ThingRequest required": ["name", "note"]}, {}, set(), id="required of a request"
        ),
        pytest.param(
            {"components schemas Circle required": ["kind", "size"], "components schemas Circle properties size": {}},
            {},
            {("Circle", "size")},
            id="member of a union",
        ),
        pytest.param({"components schemas Piece required": ["text"]}, {}, {("Piece", "text")}, id="member of an event"),
        pytest.param(
            {PIECE: ["text"]},
            {
                PIECE: ["text"],
                f"{STREAM} properties data oneOf 1 contentSchema": {"anyOf": [ref("Piece"), ref("Fault")]},
            },
            set(),
            id="event beside others",
        ),
        pytest.param(
            {
                "components schemas Item": {
                    "type": "object",
                    "required": ["id", "size"],
                    "properties": {"id": {"type": "string"}, "size": {"type": "integer"}},
                },
                "components schemas ThingList properties data": {"type": "array", "items": ref("Item")},
            },
            {},
            {("Item", "size")},
            id="model with another name",
        ),
    ],
)
def test_members_that_an_earlier_version_may_lack(
    new: dict[str, Any], old: dict[str, Any], expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    assert missing(tmp_path, new, old) == expected


def test_model_of_both_directions_asks_for_what_a_response_may_lack(tmp_path: Path) -> None:
    """The members of a request are those of the newest version, whatever an earlier one sends."""
    sent_too = {"components schemas ThingRequest properties whole": ref("Thing")}
    required = {f"{THING} required": ["id", "object", "count"], "components schemas ThingList required": []}
    old, new = small_specs.document(at=sent_too), small_specs.document(at=sent_too | required)
    earlier = [small_specs.write(tmp_path / "old.yaml", old)]
    assert regenerate.generate(small_specs.write(tmp_path / "new.yaml", new), tmp_path / "aurous_client", earlier)
    program = """
from aurous_client import UNSET
from aurous_client.models import Thing
lacking = Thing.from_dict({"id": "a"})
assert lacking.count is UNSET and lacking.to_dict() == {"id": "a", "object": "thing"}
assert Thing(id="a", count=1).to_dict() == {"id": "a", "object": "thing", "count": 1}
try:
    Thing(id="a")
except TypeError as error:
    assert "count" in str(error)
else:
    raise AssertionError("a request goes out without what the newest version requires")
"""
    completed = program_runs.run_python(tmp_path, "-P", "-c", program)
    assert completed.returncode == 0, completed.stderr


@pytest.mark.slow
def test_client_pinned_to_the_earlier_version_reads_its_responses(tmp_path: Path) -> None:
    document = load(ROOT / "openapi.yaml")
    version = document["info"]["version"]
    document["info"]["version"] = NEXT
    usage = document["components"]["schemas"]["Usage"]
    usage["properties"]["imaginary_units"] = {"type": "integer"}
    usage["required"].append("imaginary_units")
    for example in document["components"]["examples"].values():
        if "usage" in example["value"]:
            example["value"]["usage"]["imaginary_units"] = 1
    new = small_specs.write(tmp_path / f"{NEXT}.yaml", document)
    earlier = [ROOT / "openapi.yaml"]
    assert regenerate.generate(new, tmp_path / "aurous_client", earlier)
    with running(specs=(*earlier, new)) as mock:
        completed = program_runs.run_python(tmp_path, "-P", "-c", PROGRAM, version, mock.url)
    assert completed.returncode == 0, completed.stderr
