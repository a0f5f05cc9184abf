"""Sending: bodies, paths, queries and headers are encoded once, and refused with the place when they cannot be."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import Any

import httpx
import pytest
from aurous_client import UNSET, AuthenticatedClient, Client
from aurous_client.api.balance import retrieve_balance
from aurous_client.api.chat import create_chat_completion, retrieve_chat_completion
from aurous_client.encoding import to_headers, to_json, to_query, to_segment
from aurous_client.errors import EncodeError, TransportError
from aurous_client.models import ChatCompletionRequest, FunctionDefinition, TextPart, Tool, UserMessage
from aurous_client.operations import Operation, Request, Response, ResultT
from aurous_client.resources import Resources

KEY = "al_live_secret"


def request(**members: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest(model="m", messages=[UserMessage(content="hi")], **members)


# ---------------------------------------------------------------- bodies


def test_body_is_compact_utf8_and_deterministic() -> None:
    body = request(temperature=0.5, stop=("é", "b"))
    expected = '{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0.5,"stop":["é","b"]}'
    assert to_json(body) == to_json(body) == expected.encode()


def test_models_dicts_and_sequences_can_be_mixed() -> None:
    body = {"a": (TextPart(text="x"), {"b": [UserMessage(content="y")]}), "skipped": UNSET, "none": None}
    assert json.loads(to_json(body)) == {
        "a": [{"type": "text", "text": "x"}, {"b": [{"role": "user", "content": "y"}]}],
        "none": None,
    }
    moment = datetime.datetime(2026, 5, 15, 12, tzinfo=datetime.UTC)
    assert json.loads(to_json([moment, moment.date(), uuid.UUID(int=1)])) == [
        "2026-05-15T12:00:00+00:00",
        "2026-05-15",
        "00000000-0000-0000-0000-000000000001",
    ]


def test_additional_members_are_sent_after_documented_ones() -> None:
    body = request()
    body.additional_properties = {"user": TextPart(text="x"), "model": "other"}
    assert json.loads(to_json(body)) == {
        "user": {"type": "text", "text": "x"},
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
    }


def loop() -> dict[str, Any]:
    cyclic: dict[str, Any] = {"a": [{}]}
    cyclic["a"][0]["back"] = cyclic
    return cyclic


def deep(levels: int) -> list[Any]:
    cyclic: list[Any] = []
    for _ in range(levels):
        cyclic = [cyclic]
    return cyclic


def schema_tool(parameters: dict[Any, Any]) -> Tool:
    return Tool(function=FunctionDefinition(name="f", parameters=parameters))


UNSENDABLE = [
    (request(temperature=float("nan")), "body.temperature: JSON has no nan"),
    (request(temperature=float("-inf")), "body.temperature: JSON has no -inf"),
    (request(stop=["a", "\ud800"]), "body.stop[1]: it holds a lone surrogate, which UTF-8 cannot carry"),
    (request(stop=b"bytes"), "body.stop: bytes is not a type that JSON has"),
    (request(seed=decimal.Decimal(1)), "body.seed: Decimal is not a type that JSON has"),
    (request(stop={"a", "b"}), "body.stop: set is not a type that JSON has"),
    (request(stop=["a", UNSET]), "body.stop[1]: UNSET is for members that are left out"),
    (request(tools=[schema_tool({1: 2})]), "body.tools[0].function.parameters: 1 cannot be the name of a member"),
    (request(tools=[schema_tool({None: 2})]), "body.tools[0].function.parameters: None cannot be the name of a member"),
    (request(tools=[schema_tool({"\ud800": 2})]), "body.tools[0].function.parameters: '\\ud800' cannot be the name"),
    (request(tools=[schema_tool(loop())]), "body.tools[0].function.parameters.a[0].back: it contains itself"),
    ({"model": "m", "messages": [{"content": object()}]}, "body.messages[0].content: object is not a type that JSON"),
    ({"a": deep(1500)}, None),
    ({"a": deep(100_000)}, "body: nested too deeply"),
]


@pytest.mark.parametrize(("body", "message"), UNSENDABLE, ids=[str(message)[:40] for _, message in UNSENDABLE])
def test_unencodable_value_is_refused_with_its_place(body: Any, message: str | None) -> None:
    with pytest.raises(EncodeError) as caught:
        to_json(body)
    assert str(caught.value).startswith(message or "body")
    with pytest.raises(EncodeError):
        create_chat_completion.build_request(body=body)


def test_model_that_contains_itself_is_refused() -> None:
    body = request()
    body.additional_properties["again"] = [body]
    with pytest.raises(EncodeError, match=r"^body\.again\[0\]: it contains itself$"):
        to_json(body)


def test_one_object_in_two_places_is_encoded_twice() -> None:
    part = TextPart(text="x")
    assert to_json([part, {"a": part}]) == b'[{"type":"text","text":"x"},{"a":{"type":"text","text":"x"}}]'


# ---------------------------------------------------------------- paths, queries, headers


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("cmp_1", "cmp_1"),
        ("a/b?c#d%é", "a%2Fb%3Fc%23d%25%C3%A9"),
        ("..a", "..a"),
        (7, "7"),
        (True, "true"),
        (datetime.date(2026, 5, 15), "2026-05-15"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_path_parameters_are_encoded(value: Any, segment: str) -> None:
    assert to_segment("id", value) == segment


@pytest.mark.parametrize("value", ["", ".", "..", None, UNSET, "\ud800", b"x", [], {}, float("nan")])
def test_path_parameters_that_change_the_path_are_refused(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^id: "):
        to_segment("id", value)


def test_query_parameters_are_encoded() -> None:
    moment = datetime.datetime(2026, 5, 15, tzinfo=datetime.UTC)
    assert to_query({"a": 1, "b": [True, "x"], "c": None, "d": UNSET, "e": moment, "f": ""}) == (
        ("a", "1"),
        ("b", "true"),
        ("b", "x"),
        ("e", "2026-05-15T00:00:00+00:00"),
        ("f", ""),
    )


@pytest.mark.parametrize("value", ["\ud800", float("inf"), {}, b"x", ["a", None], [["a"]], object()])
def test_invalid_query_parameters_are_refused(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^q: "):
        to_query({"q": value})


@pytest.mark.parametrize("value", ["line\nbreak", "null\0", "é", " lead", "trail ", "trail\n", 7777, b"bytes", "\x7f"])
def test_invalid_header_value_is_refused_without_showing_it(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^X-Key: a header must be") as caught:
        to_headers({"X-Key": value})
    assert str(value) not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\n"])
def test_invalid_header_name_is_refused(name: str) -> None:
    with pytest.raises(EncodeError, match="cannot be the name of a header"):
        to_headers({}, {name: "x"})


def test_extra_header_replaces_one_of_any_case() -> None:
    assert to_headers({"Content-Type": "a", "X": UNSET}, {"content-TYPE": "b"}) == {"content-TYPE": "b"}


# ---------------------------------------------------------------- methods


class Recorder:
    """A caller that keeps the last request."""

    request: Request

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        self.request = request
        raise LookupError

    def stream(self, operation: Operation[Any], request: Request) -> Request:
        return request


class Methods(Resources[Request]):
    def __init__(self) -> None:
        self._caller = self.recorder = Recorder()


def test_method_builds_the_request_of_its_operation() -> None:
    methods = Methods()
    arguments: dict[str, Any] = {
        "model": "m",
        "messages": [UserMessage(content="hi"), {"role": "user", "content": "x"}],
    }
    with pytest.raises(LookupError):
        methods.chat.completions.create(
            **arguments, idempotency_key="k", extra_headers={"x-a": "b"}, extra_body={"user": None}, timeout=3
        )
    request = methods.recorder.request
    assert (request.method, request.path, request.query, request.timeout) == ("POST", "/v1/chat/completions", (), 3)
    assert request.headers == {"Idempotency-Key": "k", "Content-Type": "application/json", "x-a": "b"}
    assert json.loads(request.content or b"") == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "x"}],
        "user": None,
    }
    assert request.content == create_chat_completion.build_request(body={**arguments, "user": None}).content
    streamed = methods.chat.completions.stream(**arguments, on_disconnect="recover")
    assert json.loads(streamed.content or b"")["stream"] is True
    assert (streamed.on_disconnect, request.on_disconnect) == ("recover", None)
    with pytest.raises(TypeError, match=r"create\(\) returns one result; for a stream of events call stream\(\)"):
        methods.chat.completions.create(**{**arguments, "stream": True})


# ---------------------------------------------------------------- clients


def seen_by(**options: Any) -> tuple[list[httpx.Request], dict[str, Any]]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        balance = {"credits": 1, "held_credits": 0, "available_credits": 1, "currency": "credit"}
        return httpx.Response(200, json=balance)

    return requests, {"httpx_args": {"transport": httpx.MockTransport(answer)}, **options}


def test_api_key_is_sent_in_either_form() -> None:
    requests, options = seen_by()
    retrieve_balance.sync(client=AuthenticatedClient(token=KEY, **options))
    retrieve_balance.sync(client=AuthenticatedClient(token=KEY, auth_header_name="X-Api-Key", prefix="", **options))
    assert requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert requests[1].headers["X-Api-Key"] == KEY
    assert "Authorization" not in requests[1].headers


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f"{KEY}é", f"{KEY}\0"])
def test_invalid_api_key_is_not_shown(key: str) -> None:
    requests, options = seen_by()
    with pytest.raises(EncodeError) as caught:
        retrieve_balance.sync(client=AuthenticatedClient(token=key, auth_header_name="X-Api-Key", prefix="", **options))
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert not requests


def test_api_key_is_in_no_repr() -> None:
    _, options = seen_by(headers={"X-Api-Key": KEY}, timeout=3)
    client = AuthenticatedClient(token=KEY, **options)
    request = create_chat_completion.build_request(body={"model": "m", "messages": []}, idempotency_key=KEY)
    for shown in (client, client.with_headers({"X-Api-Key": KEY}), Client(**options), request, client.call):
        assert KEY not in repr(shown)


def test_with_headers_does_not_change_the_original_client() -> None:
    mine = {"A": "1"}
    requests, options = seen_by(headers=mine)
    client = AuthenticatedClient(token=KEY, **options)
    retrieve_balance.sync(client=client)
    other = client.with_headers({"A": "2"}).with_timeout(9)
    retrieve_balance.sync(client=other)
    retrieve_balance.sync(client=client)
    assert mine == {"A": "1"}
    assert [request.headers["A"] for request in requests] == ["1", "2", "1"]
    assert client.get_httpx_client() is not other.get_httpx_client()
    assert (other.timeout, type(other)) == (9, AuthenticatedClient)


def test_client_has_a_default_timeout() -> None:
    requests, options = seen_by()
    client = Client(**options)
    client.call(retrieve_balance.OPERATION, retrieve_balance.build_request())
    client.call(retrieve_balance.OPERATION, Request(method="GET", path="/v1/balance", timeout=5))
    assert requests[0].extensions["timeout"] == {"connect": 10.0, "read": 600.0, "write": 600.0, "pool": 600.0}
    assert set(requests[1].extensions["timeout"].values()) == {5}


def test_closed_client_can_be_used_again() -> None:
    requests, options = seen_by()
    with Client(**options) as client:
        retrieve_balance.sync(client=client)
        first = client.get_httpx_client()
    assert first.is_closed
    retrieve_balance.sync(client=client)
    assert len(requests) == 2


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "xn--"])
def test_host_that_cannot_be_looked_up_raises_typed_error(host: str) -> None:
    client = Client(base_url=f"http://{host}", httpx_args={"trust_env": False})
    with client, pytest.raises(TransportError, match=r"^GET /v1/balance: .*label"):
        retrieve_balance.sync(client=client)


def test_invalid_base_url_raises_typed_error() -> None:
    _, options = seen_by(base_url="https://example.com:port")
    with pytest.raises(EncodeError, match=r"^GET /v1/balance: "):
        retrieve_balance.sync(client=Client(**options))


def test_id_is_one_path_segment_on_the_wire() -> None:
    requests, options = seen_by(base_url="https://example.com/base")
    with pytest.raises(ValueError, match="expected a value"):
        retrieve_chat_completion.sync("a/../b?c", client=Client(**options))
    assert requests[0].url.raw_path == b"/base/v1/chat/completions/a%2F..%2Fb%3Fc"
