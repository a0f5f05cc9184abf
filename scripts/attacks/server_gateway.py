"""Attacks on the gateway: by the server behind it, and by a tenant who wants what only its operator may do."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from testkit.raw_server import Action, Connection, RawServer, raw, run_raw_server
from testkit.responses import answer, chunked, response

from attacks.client_bodies import compressed
from attacks.memory import MIB
from attacks.registry import Observations, attack
from attacks.target_server import KEY, TargetServer, running_server

CREATE: Final = "/v1/chat/completions"
ADMIN_KEY: Final = "an-admin-key"
OTHER_KEY: Final = "al_live_" + "1" * 64
CREDITS: Final = 1000
# Seconds that the gateway waits for the server behind it, and within which it has to answer in any case.
UPSTREAM_TIMEOUT: Final = 2
MAX_SECONDS: Final = 15.0
# MiB that one answer may cost the gateway.
MAX_GROWTH: Final = 50.0
MAX_TOKENS: Final = 10
# What one call may cost: a whole context of the model, its answer and its reasoning, at the gateway's rates.
MAX_CHARGE: Final = Decimal(256_000 * 75 + 5_000 * 450) / 1_000_000
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODELS: Final = answer(200, {"object": "list", "data": [{"id": "llama"}]})


def _flood(start: bytes, piece: bytes) -> Action:
    """Send `start`, and then a piece as fast as it is read, until the gateway closes the connection."""

    def act(connection: Connection) -> bool:
        connection.send(start)
        block = piece * (64 * 1024 // len(piece) + 1)
        over = time.monotonic() + MAX_SECONDS
        while time.monotonic() < over:
            # Ends with an OSError once the gateway has closed the connection.
            connection.socket.sendall(block)
        return False

    return act


def _chunk_flood(kind: bytes, piece: bytes) -> Action:
    return _flood(_HEAD % kind, chunked(piece, ends=False))


def _says(message: Any, usage: Any = None, **members: Any) -> Action:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return answer(200, {"object": "chat.completion", "choices": [choice], "usage": usage, **members})


def _usage(raw_counts: str) -> Action:
    """A completion with these counts, which need not be JSON."""
    choice = '{"index": 0, "message": {"content": "one two three"}, "finish_reason": "stop"}'
    return answer(200, f'{{"choices": [{choice}], "usage": {raw_counts}}}'.encode())


def _throttles(retry_after: bytes) -> Action:
    return raw(b"HTTP/1.1 429 No\r\nContent-Length: 2\r\nRetry-After: " + retry_after + b"\r\n\r\n{}")


def hostile_answers() -> dict[str, Action]:
    """What the server behind the gateway does."""
    text = {"content": "one two three"}
    event_stream, document = b"text/event-stream", b"application/json"
    counts = ["10" + "0" * 17, "-1000000", "1e400", "NaN", '"12"', "[1]", "1.5", "true", "null"]
    return {
        **{f"completion tokens of {count}": _usage(f'{{"completion_tokens": {count}}}') for count in counts},
        **{f"prompt tokens of {count}": _usage(f'{{"prompt_tokens": {count}}}') for count in counts},
        "negative reasoning": _says(text, {"completion_tokens": 3, "reasoning_tokens": -(10**9)}),
        "usage that is a list": _says(text, [1, 2, 3]),
        "content that is a number": _says({"content": 7}),
        "content that is an object": _says({"content": {"text": "x"}}),
        "content of nested lists": raw(response(200, b'{"choices": [{"message": {"content": ' + b"[" * 100_000)),
        "arguments that are an object": _says({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}),
        "a tool without a name": _says({"tool_calls": [{"function": {"name": None}}]}),
        "choices that are an object": answer(200, {"choices": {"0": {}}}),
        "a document without end": _chunk_flood(document, b'{"choices": [{"message": {"content": "' + b"x" * 1000),
        "text without end": _chunk_flood(event_stream, b'data: {"choices": [{"delta": {"content": "x "}}]}\n\n'),
        "events without text": _chunk_flood(event_stream, b'data: {"choices": []}\n\n'),
        "comments without end": _chunk_flood(event_stream, b": nothing\n\n"),
        "a line without end": _chunk_flood(event_stream, b"data: " + b"x" * 1000),
        "gzip in gzip": raw(response(200, compressed(256 * MIB, 2), headers={"Content-Encoding": "gzip, gzip"})),
        "gzip": raw(response(200, compressed(256 * MIB, 1), headers={"Content-Encoding": "gzip"})),
        "headers without end": _flood(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
        "a refusal without end": _flood(b"HTTP/1.1 400 No\r\nContent-Type: text/html\r\n\r\n", b"<b>no</b>"),
        "silence": raw(b"", then="stall"),
        "silence after a head": raw(_HEAD % event_stream, then="stall"),
        "another address": raw(response(302, headers={"Location": "http://127.0.0.1:9/"})),
        "Retry-After beyond Latin-1": _throttles("\u221e".encode()),
        "Retry-After of 400 digits": _throttles(b"9" * 400),
        "Retry-After below zero": _throttles(b"-1"),
        "Retry-After with a header": _throttles(b"1\r\nX-Injected: yes"),
    }


@attack("hostile-upstream", target="server", slow=True)
def hostile_upstream(observed: Observations) -> None:
    """The server behind the gateway lies, never ends and sends bombs; credits stay right, time and memory bounded."""
    answers = hostile_answers()
    slowest, growth, refused, statuses = ("", 0.0), ("", 0.0), [], set()
    with _gateway("--admin-key", ADMIN_KEY) as (server, upstream):
        for name, action in answers.items():
            for streamed in (False, True):
                upstream.plays(action)
                server.memory.reset()
                began = time.monotonic()
                status, headers, body = _ask(server, stream=streamed)
                seconds = time.monotonic() - began
                statuses.add(status)
                slowest = max(slowest, (name, seconds), key=lambda each: each[1])
                growth = max(growth, (name, server.memory.growth()), key=lambda each: each[1])
                refused += [f"{name}: {fault}" for fault in _faults(status, headers, body)]
        credits, held = _balance(server)
        charges = _charges(server)
        observed.figures |= {
            "answers": f"{len(answers)}, each to a call and to a stream",
            "statuses": sorted(statuses),
            "slowest": f"{slowest[1]:.1f} s ({slowest[0]}; --upstream-timeout {UPSTREAM_TIMEOUT})",
            "memory": f"+{growth[1]:.0f} MiB ({growth[0]})",
            "charged": f"{sum(charges)} credits for {len(charges)} answers that could be understood",
        }
        observed.check("each ends in an answer or a documented error", not refused, "; ".join(refused[:5]))
        observed.check(f"none takes over {MAX_SECONDS:g} s", slowest[1] <= MAX_SECONDS, f"{slowest[1]:.1f} s")
        observed.check(f"none costs over {MAX_GROWTH:g} MiB", growth[1] <= MAX_GROWTH, f"{growth[1]:.0f} MiB")
        observed.check("no credits stay held", held == 0, str(held))
        observed.check("the balance fell by what the ledger says", credits == CREDITS - sum(charges), str(credits))
        lies = [charge for charge in charges if not 0 < charge <= MAX_CHARGE]
        observed.check("no charge is negative, nothing, or beyond what a call can cost", not lies, str(lies[:5]))
        upstream.plays(_says({"content": "one two three"}))
        observed.check("the gateway goes on", _ask(server)[0] == 200)


def _faults(status: int, headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    """What is wrong with a response to a call whose upstream is hostile."""
    if "x-injected" in headers:
        yield "a header of the upstream reached the caller"
    retry_after = headers.get("retry-after")
    if retry_after is not None and not (retry_after.isdigit() and len(retry_after) <= 6):
        yield f"Retry-After: {retry_after}"
    if status == 200 and body.startswith(b"data:"):
        if not body.rstrip().endswith(b"data: [DONE]"):
            yield "a stream without an end"
        return
    try:
        document = json.loads(body)
    except ValueError:
        yield f"status {status} with a body that is no JSON"
        return
    code = (document.get("error") or {}).get("code") if status != 200 else ""
    if status != 200 and (not code or code == "internal_error"):
        yield f"status {status} with the code {code}"


@attack("tenant-privileges", target="server", slow=True)
def tenant_privileges(observed: Observations) -> None:
    """A tenant names faults and scripts, and asks for /_mock/ in disguise; it gets nothing, and pays each answer."""
    tried, opened, free = 0, [], []
    for flags in ((), ("--admin-key", ADMIN_KEY)):
        with _gateway(*flags) as (server, upstream):
            upstream.plays(_says({"content": "one two three"}))
            paid = Decimal(0)
            for header in _FAULTS:
                status, _, body = _ask(server, headers=dict([header]))
                tried += 1
                spent = CREDITS - _balance(server)[0] - paid
                paid += spent
                if status != 200 or spent <= 0 or b"one two three" not in body:
                    free.append(f"{header}: status {status}, {spent} credits")
            for method, path, headers in _disguises():
                tried += 1
                status, _, body = _request(server, method, path, headers)
                if status < 400 or b'"charges"' in body or b"aurous_mock_" in body:
                    opened.append(f"{method} {path} {headers}: {status}")
            credits, held = _balance(server)
            observed.check(f"credits are as before{_with(flags)}", credits == CREDITS - paid and not held, str(credits))
            other = _balance(server, OTHER_KEY)[0]
            observed.check(f"another team's credits are untouched{_with(flags)}", other == CREDITS, str(other))
            if flags:
                observed.check("the admin key opens the ledger", len(_charges(server)) == len(_FAULTS))
    with running_server() as server:
        for method, path, headers in _forgeries():
            tried += 1
            status, _, _ = _request(server, method, path, headers)
            if status < 400:
                opened.append(f"without --upstream, {method} {path} {headers}: {status}")
    observed.figures |= {"requests": tried, "let in": len(opened), "faults that took effect": len(free)}
    observed.check("no disguise opens /_mock/ or /metrics", not opened, "; ".join(opened[:5]))
    observed.check("no fault or script takes effect, and each answer is paid", not free, "; ".join(free[:5]))


_FAULTS: Final = (
    ("Aurous-Mock-Fault", "status=503; when=after"),
    ("Aurous-Mock-Fault", "reset=after"),
    ("Aurous-Mock-Fault", "latency=60"),
    ("Aurous-Mock-Fault", "code=balance_too_low"),
    ("Aurous-Mock-Fault", "html"),
    ("Aurous-Mock-Answer", "Mine."),
)
_ROUTES: Final = (
    ("GET", "/_mock/ledger"),
    ("POST", "/_mock/reset"),
    ("POST", "/_mock/clock"),
    ("POST", "/_mock/faults"),
    ("POST", "/_mock/answers"),
    ("GET", "/metrics"),
)
# What browsers send, what proxies add, and names that lead to this machine.
_FORGED: Final[tuple[dict[str, str], ...]] = (
    {"Origin": "https://attacker.example"},
    {"Origin": "null", "Content-Type": "text/plain"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Referer": "https://attacker.example/"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "garbage, ::1"},
    {"Forwarded": "for=127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"Host": "attacker.example"},
    {"Host": "127.0.0.1.attacker.example"},
    {"Host": "localhost@attacker.example"},
)


def _forgeries() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Requests of a web page or through a proxy to a mock on this machine."""
    for method, path in _ROUTES:
        for headers in _FORGED:
            yield method, path, headers


def _disguises() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Requests of a tenant for what only the operator may do."""
    yield from _forgeries()
    for method, path in _ROUTES:
        yield method, path, {}
        yield method, path, {"X-Api-Key": KEY}
        yield method, path, {"Authorization": f"Bearer {KEY}"}
        yield method, path, {"Aurous-Mock-Key": KEY, "X-Api-Key": KEY}
        yield method, path, {"Aurous-Mock-Key": "", "Host": "localhost"}
        yield method, path, {"Authorization": "Bearer ", "X-Forwarded-Host": "localhost"}
        name = path.removeprefix("/")
        for disguise in (
            f"//{name}",
            f"/v1/../{name}",
            f"/./{name}",
            f"/{name}/",
            f"/%5fmock/{name[6:]}",
            path.upper(),
        ):
            yield method, disguise, {"X-Api-Key": KEY}
        yield "OPTIONS", path, {"Origin": "https://attacker.example", "Access-Control-Request-Method": method}
        yield "GET", "/v1/models", {"X-Http-Method-Override": method, "X-Original-Url": path}


@contextmanager
def _gateway(*flags: str) -> Iterator[tuple[TargetServer, RawServer]]:
    """A gateway with two teams, and the server behind it."""
    with run_raw_server(_MODELS) as upstream:
        known = (
            *("--upstream", f"{upstream.url}/v1", "--upstream-model", "llama"),
            *("--upstream-timeout", str(UPSTREAM_TIMEOUT), "--credits", str(CREDITS)),
            *("--team-key", f"other={OTHER_KEY}"),
        )
        with running_server(*known, *flags) as server:
            yield server, upstream


def _ask(
    server: TargetServer, *, stream: bool = False, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a create."""
    body = {
        "model": "aurous-grow-2.0-pro",
        "messages": [{"role": "user", "content": "Hello."}],
        "max_tokens": MAX_TOKENS,
        "stream": stream,
    }
    known = {"X-Api-Key": KEY, "Content-Type": "application/json", **(headers or {})}
    return _request(server, "POST", CREATE, known, json.dumps(body).encode())


def _request(
    server: TargetServer, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body if body is not None or method == "GET" else b"{}", dict(headers))
        answered = connection.getresponse()
        return answered.status, {name.lower(): value for name, value in answered.getheaders()}, answered.read()
    except OSError as error:
        return 0, {}, repr(error).encode()
    finally:
        connection.close()


def _balance(server: TargetServer, key: str = KEY) -> tuple[Decimal, Decimal]:
    """What a team has, and what is held of it."""
    members = json.loads(server.request("GET", "/v1/balance", key=key)[1], parse_float=Decimal)
    return Decimal(members["credits"]), Decimal(members["held_credits"])


def _charges(server: TargetServer) -> list[Decimal]:
    _, _, body = _request(server, "GET", "/_mock/ledger", {"Aurous-Mock-Key": ADMIN_KEY})
    charges = json.loads(body, parse_float=Decimal)["charges"]
    return [Decimal(charge["credits_charged"]) for charge in charges]


def _with(flags: tuple[str, ...]) -> str:
    return ", with --admin-key" if flags else ""
