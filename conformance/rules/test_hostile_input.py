"""Input that nobody sends in good faith: refused with the envelope, never a fault of the server, never a hang."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from harness import contract
from harness.client.api_client import COMPLETIONS, Server
from harness.client.exchange import Exchange
from harness.generation.request_normalizer import FRUGAL
from harness.rules import CREATE, ERRORS, dear, rule
from harness.violations import observe, require

MEBIBYTE = 1024 * 1024
ANSWERED_WITHIN = 20.0

NOT_JSON = {
    "empty": b"",
    "white space": b" \n\t ",
    "half a document": b'{"model": "aurous-grow-2.0-pro", "messages": [',
    "single quotes": b"{'model': 'm'}",
    "trailing comma": b'{"model": "m", "messages": [],}',
    "two documents": b"{}{}",
    "comment": b'{} // "model"',
    "bare word": b"model",
    "NaN": b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "Infinity": b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": Infinity}',
    "invalid UTF-8": b'{"model": "\xff\xfe", "messages": []}',
    "UTF-16": '{"model": "m", "messages": []}'.encode("utf-16"),
    "raw NUL": b'{"model": "m\x00", "messages": []}',
    "raw newline in a string": b'{"model": "a\nb", "messages": []}',
    "unescaped control": b'{"model": "a\x01b", "messages": []}',
    "XML": b"<?xml version='1.0'?><model/>",
    "a form": b"model=m&messages=x",
}
NOT_AN_OBJECT = {"null": b"null", "number": b"7", "text": b'"model"', "array": b"[]", "true": b"true"}
OTHER_TYPES = ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "image/png"]


@pytest.fixture
def still_alive(server: Server) -> Iterator[None]:
    """After hostile input the server still answers everybody else."""
    before = server.models().outcome
    yield
    after = server.models()
    require(after.outcome == before, f"after it, the list of models is answered {after.outcome}, not {before}", after)


def refuses(exchange: Exchange, *statuses: int) -> None:
    """Require a 4xx with the envelope, in good time."""
    allowed = statuses or (400, 413, 415, 422)
    if exchange.status not in allowed:
        require(False, f"it is answered {exchange.outcome}; expected {' or '.join(map(str, allowed))}", exchange)
    misfits = contract.misfits("ErrorEnvelope", exchange.json)
    require(not misfits, f"the error's envelope: {'; '.join(misfits)}", exchange)
    kind = exchange.at("error", "type")
    require(kind == "invalid_request", f"the type is {kind!r}", exchange)
    require(exchange.seconds < ANSWERED_WITHIN, f"the answer took {exchange.seconds:.1f} s", exchange)


def survives(exchange: Exchange) -> None:
    """Require any answer but a fault of the server's own."""
    require(exchange.status, f"no answer came ({exchange.fault})", exchange)
    require(exchange.status < 500, f"it is answered {exchange.outcome}", exchange)
    require(exchange.seconds < ANSWERED_WITHIN, f"the answer took {exchange.seconds:.1f} s", exchange)


@rule("hostile.not_json", page=ERRORS, says="A body that is not JSON is a 4xx with the envelope.")
@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.usefixtures("still_alive")
def test_not_json(server: Server, name: str) -> None:
    refuses(server.create(None, content=NOT_JSON[name], refused=True))


@rule("hostile.not_an_object", page=ERRORS, says="A JSON body that is no object is a 4xx with the envelope.")
@pytest.mark.parametrize("name", NOT_AN_OBJECT)
def test_not_an_object(server: Server, name: str) -> None:
    refuses(server.create(None, content=NOT_AN_OBJECT[name], refused=True))


@rule("hostile.media_type", page=CREATE, says="A body of another content type is a 4xx with the envelope.")
@pytest.mark.parametrize("value", OTHER_TYPES)
def test_media_type(server: Server, value: str) -> None:
    refuses(server.create(server.ask(), headers={"Content-Type": value}, refused=True))


@rule(
    "hostile.no_media_type",
    page=CREATE,
    says="What becomes of a JSON body that does not say what it is.",
    observed=True,
)
def test_no_media_type(server: Server) -> None:
    observe(f"it is answered {server.create(server.ask(), headers={'Content-Type': None}).outcome}")


@rule("hostile.deep", page=ERRORS, says="A body nested without end is a 4xx with the envelope.")
@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
@pytest.mark.usefixtures("still_alive")
def test_deep(server: Server, depth: int, brackets: tuple[bytes, bytes]) -> None:
    before, after = brackets
    middle = b"1" if before != b"[" else b""
    content = b'{"model": "m", "messages": ' + before * depth + middle + after * depth + b"}"
    refuses(server.create(None, content=content, refused=True))


@rule("hostile.huge", page=ERRORS, says="A body of more than 10 MiB is a 4xx with the envelope.")
@pytest.mark.parametrize("place", ["content", "an unknown member", "white space"])
@pytest.mark.usefixtures("still_alive")
def test_huge(server: Server, place: str) -> None:
    body = server.ask()
    if place == "content":
        body["messages"][0]["content"] = "x" * (11 * MEBIBYTE)
    if place == "an unknown member":
        body["padding"] = "x" * (11 * MEBIBYTE)
    content = json.dumps(body).encode() + (b" " * (11 * MEBIBYTE) if place == "white space" else b"")
    refuses(server.create(None, content=content, refused=True))


@rule("hostile.many_members", page=ERRORS, says="A body of very many members is answered, and not with a 5xx.")
@pytest.mark.usefixtures("still_alive")
def test_many_members(server: Server) -> None:
    survives(server.create({**server.ask(), **{f"member_{number}": number for number in range(2000)}}))


@rule("hostile.nul", page=ERRORS, says="A NUL in a text is a 4xx with the envelope.")
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_nul(server: Server, stream: bool) -> None:
    refuses(server.create(server.ask("a\x00b", stream=stream), refused=True))


@rule("hostile.null_members", page=CREATE, says="A null for what could be left out is answered, and not with a 5xx.")
@pytest.mark.parametrize("member", ["temperature", "max_tokens", "stop", "tools", "response_format", "stream", "seed"])
def test_null_members(server: Server, member: str) -> None:
    survives(server.create({**server.ask(), member: None}))


@rule("hostile.unknown_members", page=CREATE, says="A member that no page lists is answered, and not with a 5xx.")
@pytest.mark.parametrize("value", [1, "x", None, {"a": 1}, []], ids=str)
def test_unknown_members(server: Server, value: object) -> None:
    survives(server.create(server.ask(user=value, n=1, parallel_tool_calls=value, x_unknown=value)))


@rule("hostile.odd_text", page=CREATE, says="Odd text in a message is answered, and not with a 5xx.")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"\\ud800"', id="lone high surrogate"),
        pytest.param('"\\udc00\\ud800"', id="swapped surrogates"),
        pytest.param('"\\u202e\\u200b\\ufeff"', id="invisible"),
        pytest.param('"\\u001b[2J\\b\\f"', id="control characters"),
        pytest.param('"{{7*7}} ${7*7} <script> \'; DROP TABLE--"', id="injection"),
        pytest.param('"data: [DONE]\\n\\ndata: x\\r\\n"', id="event stream"),
        pytest.param('""', id="empty"),
        pytest.param('"' + "a\\u0301" * 50 + '"', id="combining"),
    ],
)
@pytest.mark.parametrize("stream", ["false", "true"], ids=["create", "stream"])
def test_odd_text(server: Server, text: str, stream: str) -> None:
    asked = json.dumps({"model": server.model, **FRUGAL})[:-1]
    body = f'{asked}, "stream": {stream}, "messages": [{{"role": "user", "content": {text}}}]}}'
    survives(server.create(json.loads(body), content=body.encode()))


@rule("hostile.odd_numbers", page=ERRORS, says="A number that no machine can hold is a 4xx with the envelope.")
@pytest.mark.parametrize("member", ["temperature", "max_tokens", "top_logprobs", "presence_penalty"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "1e309"])
def test_odd_numbers(server: Server, member: str, number: str) -> None:
    body = json.dumps({**server.ask(), member: 0}).replace(f'"{member}": 0', f'"{member}": {number}')
    refuses(server.create(None, content=body.encode(), refused=True))


@rule("hostile.duplicate_members", page=ERRORS, says="What becomes of a member that stands twice.", observed=True)
def test_duplicate_members(server: Server) -> None:
    body = json.dumps(server.ask())[:-1] + ', "temperature": 0.5, "temperature": 3}'
    observe(
        f"the last one being wrong, it is answered {server.create(None, content=body.encode(), refused=True).outcome}"
    )


@rule("hostile.huge_integer_seed", page=CREATE, says="A seed beyond 64 bits is answered, and not with a 5xx.")
@pytest.mark.parametrize("seed", [2**63, 2**64, -(2**64), 10**30])
def test_huge_seed(server: Server, seed: int) -> None:
    survives(server.create(server.ask(seed=seed)))


@rule("hostile.headers", page=ERRORS, says="Odd headers are answered, and not with a 5xx.")
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Idempotency-Key": "k" * 6000}, id="long key"),
        pytest.param({"X-Api-Key": "x" * 6000}, id="long credential"),
        pytest.param({"Aurous-Version": "2026-99-99"}, id="impossible date"),
        pytest.param({"Aurous-Version": "0000-00-00"}, id="no date"),
        pytest.param({"Accept": "text/html"}, id="accept html"),
        pytest.param({"Accept": "garbage"}, id="accept garbage"),
        pytest.param({"Authorization": "Bearer a b c", "X-Api-Key": None}, id="bearer of three words"),
        pytest.param({"X-Forwarded-For": "' OR 1=1 --"}, id="forwarded"),
    ],
)
def test_headers(server: Server, headers: dict[str, str | None]) -> None:
    survives(server.send("GET", "/v1/models", headers=headers))
    survives(server.create(server.ask(), headers=headers))


@rule("hostile.paths", page=ERRORS, says="Odd paths are a 4xx, and not a 5xx.")
@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/%2e%2e%2fmodels",
        "/v1/chat/completions/%00",
        "/v1//models",
        "/v1/chat/completions/" + "a" * 4000,
    ],
)
def test_paths(server: Server, path: str) -> None:
    answer = server.send("GET", path)
    survives(answer)
    require(answer.status >= 300, f"it is answered {answer.outcome}", answer)


@rule("hostile.compressed", page=CREATE, says="What becomes of a body in another encoding than it says.", observed=True)
def test_compressed(server: Server) -> None:
    answer = server.send(
        "POST", COMPLETIONS, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}, content=b"{}"
    )
    observe(f"it is answered {answer.outcome}")


@dear
@rule(
    "hostile.private_url",
    page="api-reference/embeddings/url-fetching",
    says="A picture on a private host is refused.",
    observed=True,
)
def test_private_url(server: Server) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "https://169.254.169.254/latest/meta-data"}}]
    told = server.create({**server.ask(), "messages": [{"role": "user", "content": parts}]})
    observe(f"it is answered {told.outcome}, param {told.get('error', 'param')!r}")
