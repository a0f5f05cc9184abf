"""Requests that are nearly right, against the mock, in process. `python requesting.py 100000` sends as many, and stops
at the first that ends in a 5xx, a traceback, a broken envelope, a stream without an end or a long wait.

scripts/fuzz.py draws from the contract, of which the mock refuses nearly all. This alone goes deeper: a quarter of it
is answered, schemas for tools and answers refer to themselves and ask for much, keys are used again, JSON breaks off,
and faults are odd.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
from aurous_mock.server.application import Application
from aurous_mock.settings import DEFAULT_KEY, Settings
from mockkit import CREATE, chat

# In seconds of CPU.
LONGEST_WAIT = 5.0
STRANGE: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2.0, 2.5, 1e308, 2**70, "", " ", "x" * 300, "\U0001f9ea", "\u2028", "a\0b", "\ud800",
    [], {}, [[]], {"": None}, [None] * 5, {"$ref": "#"}, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#"}}},
    {"type": "array", "minItems": 10**9}, {"pattern": "(a+)+$"}, {"type": ["string", "null"]}, {"enum": [1, [2]]},
    {"role": "user", "content": "x"}, {"type": "text", "text": "x"}, "auto", "none", "required", "json_schema",
)  # fmt: skip
WORDS = ("a", "b", "$ref", "type", "name")
KINDS = ("string", "integer", "number", "boolean", "null", "object", "array", "nonsense")
HEADERS = ("idempotency-key", "aurous-version", "content-type", "x-api-key", "authorization", "content-length")
FAULTS = (
    "times=1",
    "latency=0",
    "pace=1000000",
    "skip=3",
    "explode",
    "status=200",
    "reset",
    "=",
    ";;",
    "id=x; times=0",
)


@dataclass(frozen=True, slots=True)
class Request:
    """One generated request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def schema(rng: random.Random, depth: int = 0) -> Any:
    """Something that is mostly a JSON Schema."""
    if rng.random() < 0.1 or depth > 3:
        return rng.choice((True, False, {}, {"type": rng.choice(KINDS)}, *STRANGE))
    made: dict[str, Any] = {"type": rng.choice(KINDS)} if rng.random() < 0.8 else {}
    keywords: dict[str, Any] = {
        "properties": lambda: {rng.choice(WORDS): schema(rng, depth + 1) for _ in range(rng.randint(0, 3))},
        "required": lambda: rng.sample(WORDS, rng.randint(0, 3)),
        "items": lambda: schema(rng, depth + 1),
        "prefixItems": lambda: [schema(rng, depth + 1) for _ in range(rng.randint(0, 3))],
        "anyOf": lambda: [schema(rng, depth + 1) for _ in range(rng.randint(0, 3))],
        "oneOf": lambda: [schema(rng, depth + 1) for _ in range(rng.randint(1, 3))],
        "allOf": lambda: [schema(rng, depth + 1) for _ in range(rng.randint(1, 2))],
        "not": lambda: schema(rng, depth + 1),
        "if": lambda: schema(rng, depth + 1),
        "then": lambda: schema(rng, depth + 1),
        "$ref": lambda: rng.choice(("#", "#/$defs/a", "#/properties/a", "http://x/y#/z", "#/%", "x")),
        "$defs": lambda: {"a": schema(rng, depth + 1)},
        "enum": lambda: [rng.choice(STRANGE) for _ in range(rng.randint(0, 3))],
        "const": lambda: rng.choice(STRANGE),
        "additionalProperties": lambda: schema(rng, depth + 1),
        "pattern": lambda: rng.choice(("^a+$", "(", "[a-z]{3}", "(a*)*b", "\\p{L}", "(?=x)y", "a{99999}")),
        "format": lambda: rng.choice(("date-time", "email", "uuid", "nonsense", "regex", "json-pointer")),
        "uniqueItems": lambda: True,
    }
    for name in rng.sample(list(keywords), rng.randint(0, 4)):
        made[name] = keywords[name]()
    for name in rng.sample(("minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
                            "minProperties", "maxProperties", "exclusiveMinimum"), rng.randint(0, 2)):  # fmt: skip
        made[name] = rng.choice((-1, 0, 1, 3, 2.5, 10**6, 10**12, "x"))
    return made


def mangle(rng: random.Random, value: Any, depth: int = 0) -> Any:
    """`value` with something about it changed."""
    if depth > 5 or rng.random() < 0.15:
        return rng.choice(STRANGE)
    if isinstance(value, dict) and value:
        name = rng.choice(list(value))
        changed = {**value, name: mangle(rng, value[name], depth + 1)}
        if rng.random() < 0.2:
            del changed[name]
        return changed
    if isinstance(value, list) and value:
        place = rng.randrange(len(value))
        return [*value[:place], mangle(rng, value[place], depth + 1), *value[place + 1 :]]
    return rng.choice(STRANGE)


def rich(rng: random.Random) -> dict[str, Any]:
    """A body that uses everything there is."""
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema(rng)}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema(rng)}}
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
    ]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "user", "content": "Write 30 words."},
    ]
    whole: dict[str, Any] = {
        "max_tokens": 20, "temperature": 1, "top_p": 0.5, "seed": 3, "stop": ["x"], "presence_penalty": 1,
        "frequency_penalty": 1, "logprobs": True, "top_logprobs": 3, "reasoning_effort": "low", "stream": False,
        "stream_options": {"include_usage": True}, "tool_choice": "auto", "tools": [tool], "response_format": wanted,
        "vision_quality": "xhigh", "user": "u", "messages": messages,
    }  # fmt: skip
    kept = {name: whole[name] for name in rng.sample(list(whole), rng.randint(0, 8))}
    return {**chat(), **kept}


def request(rng: random.Random) -> Request:
    """The next request."""
    body: Any = rich(rng)
    if rng.random() < 0.3:
        body["stream"] = True
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        body = mangle(rng, body)
    raw = json.dumps(body).encode()
    if rng.random() < 0.05:
        place = rng.randrange(len(raw) + 1)
        raw = raw[:place] + rng.randbytes(rng.randint(0, 4)) + raw[place + rng.randint(0, 3) :]
    headers = {"x-api-key": DEFAULT_KEY, "content-type": "application/json"}
    if rng.random() < 0.2:
        headers["idempotency-key"] = f"key-{rng.randrange(50)}"
    if rng.random() < 0.05:
        headers[rng.choice(HEADERS)] = rng.choice(("", "x" * 300, "2026-05-15", "0", "-1", "\xff", "Bearer", "a;b"))
    if rng.random() < 0.03:
        headers["aurous-mock-fault"] = rng.choice(FAULTS)
    method, path = "POST", CREATE
    if rng.random() < 0.05:
        method = rng.choice(("GET", "POST", "PUT", "HEAD", "DELETE", "BREW"))
        path = rng.choice(
            ("/", "/v1/models", "/v1/balance", CREATE + "/cmp_x", CREATE + "/cmp_x/cancel", "/\xff", "//")
        )
    return Request(method, path, headers, raw)


async def send(application: Application, made: Request) -> int:
    """The status of the answer, once it is seen to be whole."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": made.method, "path": made.path,
        "raw_path": made.path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "client": None,
        "server": ("mock", 80),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in made.headers.items()],
    }  # fmt: skip
    asked = False
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": made.body, "more_body": False}

    async def keep(message: Any) -> None:
        sent.append(message)

    await application.asgi(scope, receive, keep)
    status: int = sent[0]["status"]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    if status >= 400:
        error = orjson.loads(body)["error"]
        headers = dict(sent[0]["headers"])
        assert error["request_id"].encode() == headers[b"aurous-request-id"]
        assert {"type", "code", "message", "doc_url"} <= set(error)
    elif body.startswith(b"data:"):
        assert body.endswith(b"data: [DONE]\n\n")
    return status


async def run(count: int, seed: int) -> Counter[int]:
    """How often each status was seen."""
    application = Application(Settings(access_log=False, seed=seed))
    rng = random.Random(seed)
    seen: Counter[int] = Counter()
    for _ in range(count):
        made = request(rng)
        begun = time.process_time()
        status = await send(application, made)
        assert status < 500, made
        assert time.process_time() - begun < LONGEST_WAIT, made
        seen[status] += 1
    return seen


if __name__ == "__main__":
    print(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
