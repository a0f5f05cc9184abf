"""Attacks on the client that send its key back in disguise, to have it printed."""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from typing import Final

from client_kinds import KINDS
from testkit.raw_server import raw, run_raw_server
from testkit.responses import response

from attacks.registry import Observations, attack
from attacks.timed_client import CallEnd, TimedClient

KEY: Final = "al_live_" + "5ec2e7" * 10 + "beef"


def _escaped() -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in KEY)


def _error(message: str) -> bytes:
    return response(400, _envelope(message).encode())


def _envelope(message: str) -> str:
    """An error envelope around a message that is JSON already, perhaps with escapes."""
    return f'{{"error": {{"type": "server_error", "code": "internal_error", "message": "{message}"}}}}'


def _stream(data: str) -> bytes:
    return response(200, f"data: {data}\n\n".encode(), kind="text/event-stream")


def disguises() -> dict[str, bytes]:
    """Responses that carry the key, each in another form."""
    key, half = KEY.encode(), len(KEY) // 2
    return {
        "plain, in an error": _error(KEY),
        "JSON escapes, in an error": _error(_escaped()),
        "escaped slashes and half escapes": _error(KEY[:half] + _escaped()[half * 6 :]),
        "upper case": _error(KEY.upper()),
        "no JSON at all": response(502, key, kind="text/html"),
        "a malformed status line": b"HTTP/1.1 2x0 " + key + b"\r\n\r\n",
        "a status line of nothing else": key + b"\r\n\r\n",
        "a malformed header": b"HTTP/1.1 200 OK\r\n" + key + b"\r\n\r\n",
        "a header": response(200, {}, headers={"Aurous-Request-Id": KEY}),
        "a malformed length": b"HTTP/1.1 200 OK\r\nContent-Length: " + key + b"\r\n\r\n",
        "a chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + key + b"\r\n",
        "a content type": response(200, {}, kind=KEY),
        "an encoding": response(200, {}, headers={"Content-Encoding": KEY}),
        "a redirect": response(302, headers={"Location": f"http://127.0.0.1/{KEY}"}),
        "a result of the wrong type": response(200, {"object": KEY, "credits": KEY}),
    }


def streamed_disguises() -> dict[str, bytes]:
    """Streams that carry the key, each in another form."""
    chunk = '{"id": "%s", "object": "chat.completion.chunk", "choices": []}'
    return {
        "the id of a stream": _stream(chunk % KEY),
        "the id of a stream in JSON escapes": _stream(chunk % _escaped()),
        "an error frame": _stream(_envelope(_escaped())),
        "a frame that is not JSON": _stream("{" + KEY),
    }


@attack("key-in-disguise", target="client")
def key_in_disguise(observed: Observations) -> None:
    """Sends the key back in many disguises; no error, traceback, pickle or log line shows it."""
    shown: list[str] = []
    tried = 0
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with run_raw_server() as server:
            for kind in KINDS:
                with TimedClient(kind, KEY, base_url=server.url, max_retries=0) as client:
                    for name, data in disguises().items():
                        # Malformed responses end with the connection.
                        server.plays(raw(data))
                        tried += 1
                        log.truncate(log.seek(0))
                        shown += [f"{kind}, {name}: {place}" for place in _places(client.balance(), log)]
                    for name, data in streamed_disguises().items():
                        # Malformed responses end with the connection.
                        server.plays(raw(data))
                        tried += 1
                        log.truncate(log.seek(0))
                        shown += [f"{kind}, {name}: {place}" for place in _places(client.stream(), log)]
    finally:
        root.removeHandler(handler)
    observed.figures |= {"responses that carry the key": tried, "places that showed it": len(shown)}
    observed.check("the key is shown nowhere", not shown, "; ".join(shown[:8]))


def _places(call_end: CallEnd, log: io.StringIO) -> list[str]:
    """Where the key is shown after a call."""
    texts = {"log": log.getvalue()}
    if (error := call_end.error) is not None:
        texts |= {"str": str(error), "repr": repr(error)}
        texts["traceback"] = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        try:
            texts["pickle"] = pickle.dumps(error).decode("latin-1")
        except Exception as refused:
            texts["pickle"] = str(refused)
    secrets = {KEY.lower(), _escaped().lower(), KEY[len("al_live_") :].lower()}
    return [place for place, text in texts.items() if any(secret in text.lower() for secret in secrets)]
