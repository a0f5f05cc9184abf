"""What an invalid body may cost: bounded time, bounded memory, and nothing for other requests."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import httpx
import orjson
import pytest
from aurous_mock.contract import json_body
from aurous_mock.contract.excerpts import excerpts
from aurous_mock.contract.json_body import MAX_CONTAINERS, MAX_ITEMS, MAX_MEMBERS, parse
from aurous_mock.contract.spec import load
from aurous_mock.contract.validation import check
from aurous_mock.errors import APIError
from aurous_mock.server.launcher import Mock
from hypothesis import given
from hypothesis import strategies as st
from mockkit import CREATE, SOURCE, SPEC, VERSION, chat, connect

MOST_MESSAGES = SPEC["components"]["schemas"]["ChatCompletionRequest"]["properties"]["messages"]["maxItems"]
PART = b'{"type":"text","text":"x"}'


def in_messages(*messages: bytes) -> bytes:
    return b'{"model":"x","messages":[' + b",".join(messages) + b"]}"


def content(*parts: bytes) -> bytes:
    return in_messages(b'{"role":"user","content":[' + b",".join(parts) + b"]}")


BODIES: dict[str, Callable[[], bytes]] = {
    "empty messages": lambda: in_messages(*[b"{}"] * (MAX_CONTAINERS - 2)),
    "empty parts": lambda: content(*[b"{}"] * (MAX_CONTAINERS - 4)),
    "one invalid part after many": lambda: content(*[PART] * 49_000, b"{}"),
    "long string beside a fault": lambda: in_messages(b'{"role":"wizard","content":"' + b"x" * 9_900_000 + b'"}'),
    "many strings": lambda: content(*[b'"' + b"x" * 30 + b'"'] * (MAX_ITEMS - 2)),
    "many members": lambda: b"{" + b",".join(b'"k%d":1' % number for number in range(MAX_MEMBERS)) + b"}",
    "many members in a part": lambda: content(b"{" + b",".join(b'"k%d":{}' % n for n in range(90_000)) + b"}"),
    "numbers": lambda: in_messages(*[b"0.5"] * (MAX_ITEMS - 2)),
    "a million objects": lambda: in_messages(*[b"{}"] * 1_000_000),
}
MEASURE = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from aurous_mock.contract.json_body import parse
from aurous_mock.contract.spec import load
from aurous_mock.contract.validation import check
from aurous_mock.errors import APIError
operation, _ = load().current.match("POST", "/v1/chat/completions")
schema = operation.body.content["application/json"]
check(schema, {"model": "m", "messages": [{"role": "user", "content": "x"}]})
raw = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    check(schema, parse(raw))
except APIError as error:
    print(error.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    BODIES.values(),
    ids=BODIES,
)
def test_invalid_body_costs_bounded_memory(make: Callable[[], bytes]) -> None:
    raw = make()
    measured = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", MEASURE, str(SOURCE)], input=raw, capture_output=True, check=True, timeout=120
    )
    code, kilobytes = measured.stdout.split()
    assert code in (b"missing_field", b"invalid_format", b"value_out_of_range", b"request_too_large")
    assert int(kilobytes) * 1024 < 50 * 10**6 + 8 * len(raw)


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        (content(*[PART] * 5000, b"{}", *[PART] * 5000), "messages[0].content[5000].type"),
        (in_messages(*[b'{"role":"user","content":"x"}'] * (MOST_MESSAGES + 1)), "messages"),
        (in_messages(b'{"role":"user","content":"' + b"x" * 100_000 + b'"}', b"{}"), "messages[1].role"),
        (b"{" + b",".join(b'"k%d":1' % n for n in range(500)) + b',"model":"x"}', "messages"),
    ],
    ids=["a part", "too many", "beside a long string", "among many members"],
)
def test_fault_in_a_large_body_is_named_by_its_place(raw: bytes, param: str) -> None:
    match = load().by_version[VERSION].match("POST", CREATE)
    assert match is not None
    assert match[0].body is not None
    with pytest.raises(APIError) as refused:
        check(match[0].body.content["application/json"], parse(raw))
    assert refused.value.param == param


def test_validation_looks_at_few_entries_of_an_invalid_array() -> None:
    value = [1] * 10_000 + ["x"] + [1] * 10_000
    sizes = [len(excerpt.value) for excerpt in excerpts(value, lambda each: "x" not in each, frozenset())]
    assert sizes[:2] == [64, 64]


@pytest.mark.parametrize("mark", [b"{}", b"[]", b'{"a":1}'])
def test_values_are_counted_before_they_are_parsed(client: httpx.Client, mark: bytes) -> None:
    body = in_messages(*[mark] * 400_000)
    response = client.post(CREATE, content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("text", [",", ":", "[", "{", '"{,', "\\\\,", '\\\\",'], ids=repr)
def test_marks_inside_of_strings_are_not_counted(text: str) -> None:
    value = {"user": text * (MAX_ITEMS + 1)}
    assert parse(orjson.dumps(value)) == value


def test_text_of_many_commas_is_answered(client: httpx.Client) -> None:
    assert client.post(CREATE, json=chat(user="," * (MAX_ITEMS + 1))).status_code == 200


def test_items_after_a_text_of_many_commas_are_counted() -> None:
    with pytest.raises(APIError) as refused:
        parse(orjson.dumps(["," * MAX_ITEMS + '"\\', *[1] * (MAX_ITEMS + 1)]))
    assert refused.value.code == "request_too_large"


# Blocks of few bytes, so that each kind of character stands at their ends.
@given(st.recursive(st.text('\\",:[]{}x'), lambda inner: st.lists(inner) | st.dictionaries(st.text('\\",:'), inner)))
def test_structure_is_what_is_outside_of_strings(value: object) -> None:
    raw = orjson.dumps(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "_BLOCK", 3)
        structure = b"".join(json_body.outside_strings(raw))
    containers, members, items = count_structure(value)
    assert structure.count(b"[") + structure.count(b"{") == structure.count(b"]") + structure.count(b"}") == containers
    assert (structure.count(b":"), structure.count(b",")) == (members, items)


def count_structure(value: object) -> tuple[int, int, int]:
    """The containers, members and commas of a value as JSON."""
    if not isinstance(value, dict | list):
        return 0, 0, 0
    children = [count_structure(child) for child in (value.values() if isinstance(value, dict) else value)]
    containers, members, items = (sum(counts) for counts in zip(*children, strict=True)) if children else (0, 0, 0)
    return containers + 1, members + (len(value) if isinstance(value, dict) else 0), items + max(len(value) - 1, 0)


@pytest.mark.slow
def test_other_requests_are_served_while_a_large_body_is_checked(mock: Mock) -> None:
    raw = BODIES["one invalid part after many"]()
    answered: list[float] = []
    served_before = 0

    def attack() -> None:
        with connect(mock) as attacker:
            attacker.post(CREATE, content=raw, headers={"Content-Type": "application/json"})
        answered.append(time.perf_counter())

    with connect(mock) as client:
        client.get("/v1/models")
        thread = threading.Thread(target=attack)
        thread.start()
        while thread.is_alive():
            assert client.get("/v1/models").status_code == 200
            if not answered:
                served_before += 1
        thread.join()
    assert served_before > 5


def test_large_valid_body_is_answered(client: httpx.Client) -> None:
    text = "word, {and} [others]: " * 30_000
    assert len(orjson.dumps(chat(text))) > 600_000
    assert client.post(CREATE, json=chat(text)).status_code == 200
