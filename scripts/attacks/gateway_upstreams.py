"""Attacks on the gateway by the server behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from testkit.raw_server import Action, Connection, raw
from testkit.responses import answer, chunked, response

from attacks.client_bodies import compressed
from attacks.memory import MIB
from attacks.registry import Observations, attack
from attacks.target_gateway import ADMIN_KEY, CREDITS, UPSTREAM_TIMEOUT, ask, balance, charges, gateway, says

# Seconds within which the gateway has to answer in any case.
MAX_SECONDS: Final = 15.0
# MiB that one answer may cost the gateway.
MAX_GROWTH: Final = 50.0
# What one call may cost: a whole context of the model, its answer and its reasoning, at the gateway's rates.
MAX_CHARGE: Final = Decimal(256_000 * 75 + 5_000 * 450) / 1_000_000
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"


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
        "negative reasoning": says(text, {"completion_tokens": 3, "reasoning_tokens": -(10**9)}),
        "usage that is a list": says(text, [1, 2, 3]),
        "content that is a number": says({"content": 7}),
        "content that is an object": says({"content": {"text": "x"}}),
        "content of nested lists": raw(response(200, b'{"choices": [{"message": {"content": ' + b"[" * 100_000)),
        "arguments that are an object": says({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}),
        "a tool without a name": says({"tool_calls": [{"function": {"name": None}}]}),
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
    with gateway("--admin-key", ADMIN_KEY) as (server, upstream):
        for name, action in answers.items():
            for streamed in (False, True):
                upstream.plays(action)
                server.memory.reset()
                began = time.monotonic()
                status, headers, body = ask(server, stream=streamed)
                seconds = time.monotonic() - began
                statuses.add(status)
                slowest = max(slowest, (name, seconds), key=lambda each: each[1])
                growth = max(growth, (name, server.memory.growth()), key=lambda each: each[1])
                refused += [f"{name}: {fault}" for fault in _faults(status, headers, body)]
        credits, held = balance(server)
        charged = charges(server)
        observed.figures |= {
            "answers": f"{len(answers)}, each to a call and to a stream",
            "statuses": sorted(statuses),
            "slowest": f"{slowest[1]:.1f} s ({slowest[0]}; --upstream-timeout {UPSTREAM_TIMEOUT})",
            "memory": f"+{growth[1]:.0f} MiB ({growth[0]})",
            "charged": f"{sum(charged)} credits for {len(charged)} answers that could be understood",
        }
        observed.check("each ends in an answer or a documented error", not refused, "; ".join(refused[:5]))
        observed.check(f"none takes over {MAX_SECONDS:g} s", slowest[1] <= MAX_SECONDS, f"{slowest[1]:.1f} s")
        observed.check(f"none costs over {MAX_GROWTH:g} MiB", growth[1] <= MAX_GROWTH, f"{growth[1]:.0f} MiB")
        observed.check("no credits stay held", held == 0, str(held))
        observed.check("the balance fell by what the ledger says", credits == CREDITS - sum(charged), str(credits))
        lies = [charge for charge in charged if not 0 < charge <= MAX_CHARGE]
        observed.check("no charge is negative, nothing, or beyond what a call can cost", not lies, str(lies[:5]))
        upstream.plays(says({"content": "one two three"}))
        observed.check("the gateway goes on", ask(server)[0] == 200)


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
