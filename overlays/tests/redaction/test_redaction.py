"""A planted key, looked for wherever it could come to light."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import aurous
import httpx
import pytest
from aurous._config.secret import Secret
from aurous.telemetry import OpenTelemetry
from aurous.transport.tracebacks import chain
from aurous_client.operations import Request
from clientkit.callers import IMPATIENT, Make
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from testkit.raw_server import Action, Connection, RawServer, raw
from testkit.responses import GOOD, KEY, MESSAGES, MODEL, answer, completion, response
from testkit.streams import RED, events, in_pieces


def with_locals(error: BaseException) -> str:
    """A traceback as tools that collect errors make it: with the variables of every frame but those of tests."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    links, seen = [whole], []
    while links:
        link = links.pop()
        seen.append(link)
        for frame in link.stack:
            if "/tests/" in frame.filename:
                frame.locals = None
        links += [behind for behind in (link.__cause__, link.__context__) if behind is not None]
    return "".join(whole.format(chain=True))


def all_of(thing: object) -> str:
    """What can be read in an object, attributes of attributes included."""
    seen: set[int] = set()
    leaks: list[str] = []
    waiting = [thing]
    while waiting and len(seen) < 5000:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, (type, Secret, *_MACHINERY)) or callable(one):
            continue
        seen.add(id(one))
        leaks.append(repr(one))
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            waiting += one
        elif isinstance(one, httpx.Headers):
            waiting += one.raw
        else:
            waiting += vars(one).values() if hasattr(one, "__dict__") else []
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(one, name) for name in slots if isinstance(name, str) and hasattr(one, name)]
    return "\n".join(leaks)


_MACHINERY = (threading.Thread, type(sys), logging.Logger)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that anybody logs, at its most talkative."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


ECHO = {"X-Echo": f"you sent {KEY}"}
LEAK = f'{{"error": {{"code": "invalid_api_key", "message": "Incorrect API key provided: {KEY}.", "param": "{KEY}"}}}}'
FAULTS: dict[str, Action] = {
    "refused, and sent back": answer(401, LEAK.encode(), headers=ECHO),
    "a page that shows the request": answer(
        502, f"<pre>X-Api-Key: {KEY}</pre>".encode(), kind="text/html", headers=ECHO
    ),
    "a success that shows the request": answer(200, f"X-Api-Key: {KEY}".encode(), kind="text/plain", headers=ECHO),
    "a shape that shows the key": answer(200, {"id": {KEY: KEY}}, headers=ECHO),
    "a key where a type belongs": answer(200, {**completion(), "usage": KEY}, headers=ECHO),
    "a redirect to the key": answer(302, headers={"Location": f"http://elsewhere.example/{KEY}"}),
    "reset": raw(b"", then="reset"),
    "hung up": raw(b""),
    "hung up within the head": raw(b"HTTP/1.1 200"),
    "no HTTP": raw(b"SSH-2.0\r\n"),
    "stalled": raw(b"", then="stall"),
    "stalled within the body": raw(response(200, completion())[:-9], then="stall"),
    "bad gzip": answer(200, b"none", headers={"Content-Encoding": "gzip"}),
}


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
SSE = "text/event-stream"
DISGUISES: dict[str, Action] = {
    "JSON escapes in an error": answer(400, LEAK.replace(KEY, ESCAPED).encode()),
    "half in JSON escapes": answer(400, LEAK.replace(KEY, KEY[:20] + ESCAPED[120:]).encode()),
    "upper case": answer(400, LEAK.replace(KEY, KEY.upper()).encode()),
    "percent-encoded": answer(400, LEAK.replace(KEY, "".join(f"%{ord(letter):02X}" for letter in KEY)).encode()),
    "a malformed status line": raw(f"HTTP/1.1 2x0 {KEY}\r\n\r\n".encode()),
    "a status line of nothing else": raw(f"{KEY}\r\n\r\n".encode()),
    "a reason": raw(f"HTTP/1.1 404 {KEY}\r\nContent-Length: 0\r\n\r\n".encode()),
    "a malformed header": raw(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
    "the name of a header": raw(f"HTTP/1.1 400 OK\r\n{KEY}: 1\r\nContent-Length: 0\r\n\r\n".encode()),
    "a malformed length": raw(f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}\r\n\r\n".encode()),
    "a chunk size": raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode()),
    "a content type": answer(200, b"{}", kind=KEY),
    "an encoding": answer(200, b"{}", headers={"Content-Encoding": KEY}),
    "an error that says 200": answer(200, LEAK.replace(KEY, ESCAPED).encode()),
}
STREAMED_DISGUISES: dict[str, Action] = {
    "the id of a stream": answer(200, events({**RED, "id": KEY}), kind=SSE),
    "the id of a stream in JSON escapes": answer(200, events(json.dumps(RED).replace("cmp_1", ESCAPED)), kind=SSE),
    "an id that changes": answer(200, events(RED, {**RED, "id": KEY}), kind=SSE),
    "the model of a stream": answer(200, events({**RED, "model": KEY}), kind=SSE),
    "an error frame": answer(200, events(LEAK.replace(KEY, ESCAPED)), kind=SSE),
    "a frame that is not JSON": answer(200, events("{" + KEY), kind=SSE),
    "a chunk size within a stream": raw(in_pieces(events(RED), ends=False) + f"{KEY}\r\n".encode()),
}


@pytest.mark.parametrize("fault", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("streams", [False, True], ids=["call", "stream"])
def test_disguised_key_is_not_shown(
    fault: Action, streams: bool, wire: RawServer, make: Make, logged: io.StringIO
) -> None:
    check_failure(fault, streams, wire, make, logged, max_retries=0)


@pytest.mark.parametrize("fault", STREAMED_DISGUISES.values(), ids=STREAMED_DISGUISES)
def test_disguised_key_in_a_stream_is_not_shown(
    fault: Action, wire: RawServer, make: Make, logged: io.StringIO
) -> None:
    check_failure(fault, True, wire, make, logged, max_retries=0)


@pytest.mark.parametrize("streams", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_failures_do_not_show_the_key(
    fault: Action, streams: bool, wire: RawServer, make: Make, logged: io.StringIO
) -> None:
    stalls = fault in (FAULTS["stalled"], FAULTS["stalled within the body"])
    options: dict[str, Any] = {"timeout": IMPATIENT, "max_retries": 0} if stalls else {"max_retries": 1}
    check_failure(fault, streams, wire, make, logged, **options)


def check_failure(
    fault: Action, streams: bool, wire: RawServer, make: Make, logged: io.StringIO, **options: Any
) -> None:
    """Fail if the key can be read anywhere after a call that this fault ends."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = OpenTelemetry(tracer_provider=provider, capture_content=True)
    wire.plays(fault)
    caller = make(wire.url, hooks=[telemetry], **options)
    call = caller.stream if streams else caller.create
    with warnings.catch_warnings(record=True, action="always") as warned, pytest.raises(aurous.AurousError) as caught:
        call()
    error = caught.value
    assert all(seen.header("X-Api-Key") == KEY for seen in wire.requests)
    texts = {
        "str": f"{error} {error!r} {getattr(error, '__notes__', '')}",
        "traceback": with_locals(error),
        "attributes": "\n".join(all_of(link) for link in chain(error)),
        "pickle": pickle.dumps(error, 0).decode("latin-1"),
        "warnings": " ".join(str(leaks.message) for leaks in warned),
        "spans": " ".join(span.to_json() for span in exporter.get_finished_spans()),
        "log": logged.getvalue(),
    }
    for where, text in texts.items():
        for form in (KEY, ESCAPED, repr(ESCAPED)[1:-1], KEY[20:]):
            assert form.lower() not in text.lower(), where
    assert "aurous" in texts["traceback"]
    assert texts["log"]
    assert texts["spans"]


def test_refused_connection_does_not_show_the_key(make: Make, logged: io.StringIO) -> None:
    with pytest.raises(aurous.APIConnectionError) as caught:
        make("http://127.0.0.1:1", max_retries=0).create()
    assert KEY not in with_locals(caught.value) + logged.getvalue()
    assert all(KEY not in all_of(link) for link in chain(caught.value))


@pytest.mark.parametrize("path", ["", "/gateway"])
def test_key_in_place_of_an_id_is_not_shown(path: str, wire: RawServer, make: Make, logged: io.StringIO) -> None:
    wire.plays(answer(404, {"error": {"code": "resource_not_found", "message": "No such completion."}}))
    for url, kind in ((f"{wire.url}{path}", aurous.NotFoundError), (f"http://127.0.0.1:1{path}", aurous.AurousError)):
        with pytest.raises(kind) as caught:
            make(url, max_retries=0).run(lambda client: client.chat.completions.retrieve(KEY))
        # The caller's own variables have it; neither the errors nor the log do.
        assert KEY not in logged.getvalue()
        assert all(KEY not in all_of(link) for link in chain(caught.value))


def test_successful_calls_do_not_show_the_key(kind: str, wire: RawServer, make: Make, logged: io.StringIO) -> None:
    wire.plays(GOOD)
    result = make(wire.url).create()
    info = aurous.response_info(result)
    texts = [
        repr(result),
        repr(info),
        all_of(info),
        str(pickle.dumps(result)),
        str(pickle.dumps(info)),
        repr(aurous.receipt(result)),
    ]
    assert KEY not in "".join(texts) + logged.getvalue()
    # What httpcore says of its work was among it; aiohttp says nothing.
    assert kind == "aiohttp" or "connect_tcp.started" in logged.getvalue()
    assert kind == "aiohttp" or "send_request_headers.started" in logged.getvalue()


def test_clients_do_not_show_their_key() -> None:
    for client in (aurous.Aurous(KEY), aurous.AsyncAurous(KEY), aurous.Aurous(KEY).with_options()):
        for text in (repr(client), str(client), f"{client}", str(vars(client)) if hasattr(client, "__dict__") else ""):
            assert KEY not in text
        assert KEY not in all_of(client)
    assert "al_live_...beef" in repr(aurous.Aurous(KEY))
    with pytest.raises(TypeError) as caught:
        pickle.dumps(aurous.Aurous(KEY))
    assert KEY not in with_locals(caught.value)


@pytest.mark.parametrize("make", [aurous.Aurous, aurous.AsyncAurous])
@pytest.mark.parametrize(
    "settings",
    [{"base_url": "nowhere"}, {"api_version": "never"}, {"timeout": -1}, {"max_retries": -1}, {"http_client": 7}],
    ids=lambda settings: next(iter(settings)),
)
@pytest.mark.parametrize("given", ["argument", "environment"])
def test_failing_constructors_do_not_show_the_key(
    make: Any, settings: dict[str, Any], given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUROUS_API_KEY", KEY)
    arguments = [KEY] if given == "argument" else []
    with pytest.raises(aurous.ConfigurationError) as caught:
        make(*arguments, **settings)
    assert KEY not in with_locals(caught.value)


@pytest.mark.parametrize("bad", [f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}é"])
def test_invalid_keys_are_not_shown(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ([bad], []):
        monkeypatch.setenv("AUROUS_API_KEY", bad)
        with pytest.raises(aurous.ConfigurationError) as caught:
            aurous.Aurous(*arguments)
        assert KEY not in with_locals(caught.value)


def test_calls_refused_before_sending_do_not_show_the_key(make: Make) -> None:
    caller = make("http://127.0.0.1:1")
    for options in ({"idempotency_key": ""}, {"timeout": -1}, {"extra_headers": {"x-api-key": "another"}}):
        with pytest.raises((aurous.EncodeError, aurous.ConfigurationError)) as caught:
            caller.create(**options)
        assert KEY not in with_locals(caught.value)


def test_interrupts_do_not_show_the_key(armed_interrupt: threading.Event, wire: RawServer) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(connection: Connection) -> bool:
        signal.pthread_kill(main, signal.SIGINT)
        connection.over.wait(5)
        return False

    wire.plays(interrupt)
    armed_interrupt.set()
    with aurous.Aurous(KEY, base_url=wire.url) as client, pytest.raises(KeyboardInterrupt) as caught:
        client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert KEY not in with_locals(caught.value)
    # Nothing of the HTTP libraries is left in it, whatever their variables hold.
    frames = traceback.walk_tb(caught.value.__traceback__)
    assert "httpcore" not in {frame.f_globals["__name__"].partition(".")[0] for frame, _ in frames}


def test_cancellation_does_not_show_the_key(wire: RawServer) -> None:
    wire.plays(lambda connection: not connection.over.wait(5))

    async def cancelled() -> str:
        async with aurous.AsyncAurous(KEY, base_url=wire.url) as client:
            task = asyncio.create_task(client.chat.completions.create(model=MODEL, messages=MESSAGES))
            while not wire.requests:
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return with_locals(error)
        raise AssertionError

    output = asyncio.run(cancelled())
    assert KEY not in output
    assert "httpcore" not in output


def test_search_for_the_key_finds_planted_keys(wire: RawServer) -> None:
    # Without it, none of the above would mean anything.
    request = httpx.Request("GET", "http://a", headers={"X-Api-Key": KEY})
    assert KEY in all_of(httpx.ConnectError("x", request=request))
    assert KEY in all_of(Request(method="GET", path="/", headers={"X": KEY}))
    namespace: dict[str, Any] = {"KEY": KEY}
    exec(compile("def fail():\n    key = KEY\n    1 / 0\n", "elsewhere.py", "exec"), namespace)
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["fail"]()
    assert KEY in with_locals(caught.value)


@pytest.mark.parametrize(
    ("key", "text", "redacted"),
    [
        ("x", "expected x, found X", "expected [secret], found [secret]"),
        ("abc", "abcd cab abc (abc) _abc", "abcd cab [secret] ([secret]) _abc"),
        (KEY, f"a{KEY}b", "a[secret]b"),
        (KEY, f"{KEY[:-1]}", f"{KEY[:-1]}"),
        (KEY, "caf\u00e9 100 % \\u0061", "caf\u00e9 100 % \\u0061"),
    ],
)
def test_redaction_leaves_other_words_alone(key: str, text: str, redacted: str) -> None:
    assert Secret(key).redact(text) == redacted
    assert Secret(key).redact(text.encode()).decode() == redacted


def test_logs_are_redacted_while_a_client_exists(logged: io.StringIO) -> None:
    log = logging.getLogger("httpcore.http11")
    first, second = Secret(KEY), Secret(KEY)
    del first
    log.debug("received %r", [(b"X-Echo", KEY.encode())])
    assert "[secret]" in logged.getvalue()
    assert KEY not in logged.getvalue()
    assert second


def test_key_is_found_anywhere_in_a_large_body() -> None:
    key = Secret(KEY)
    for place in range(2**18 - len(KEY) - 1, 2**18 + 2):
        for written in (KEY, KEY.upper(), f"\\u0061{KEY[1:]}"):
            body = b" " * place + written.encode() + b"\xff" * 2**18
            assert key.redact(body) == b" " * place + b"[secret]" + b"\xff" * 2**18
    body = b"%" + b" " * 2**18 + b"\xff"
    assert key.redact(body) == body


def test_traceback_of_a_response_that_was_cut_has_none_of_its_body(wire: RawServer, make: Make) -> None:
    wire.plays(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[private, and cut"))
    with pytest.raises(aurous.APIConnectionError) as caught:
        make(wire.url, max_retries=0).create()
    shown = with_locals(caught.value)
    assert "in send" in shown
    assert "private" not in shown
