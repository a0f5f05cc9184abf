"""Reads streams with each sync client: the measured work.

Each client is set up as its documentation says; only its own case imports it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from . import raw_clients
from .payloads import KEY, MESSAGES, PATH

ReadCount = tuple[int, int]
"""The number of events read, and the characters of their text."""
Read = Callable[[str], ReadCount]
TIMEOUT = 60.0


@contextmanager
def aurous(url: str) -> Iterator[Read]:
    from aurous import Aurous

    with Aurous(KEY, base_url=url) as client:

        def read(model: str) -> ReadCount:
            events = characters = 0
            with client.chat.completions.stream(model=model, messages=MESSAGES) as stream:
                for chunk in stream:
                    events += 1
                    characters += len(chunk.choices[0].delta.content or "")
            return events, characters

        yield read


@contextmanager
def openai(url: str) -> Iterator[Read]:
    from openai import OpenAI

    messages: Any = MESSAGES
    with OpenAI(api_key=KEY, base_url=f"{url}/v1") as client:

        def read(model: str) -> ReadCount:
            events = characters = 0
            with client.chat.completions.create(model=model, messages=messages, stream=True) as stream:
                for chunk in stream:
                    events += 1
                    characters += len(chunk.choices[0].delta.content or "")
            return events, characters

        yield read


@contextmanager
def httpx_sse(url: str) -> Iterator[Read]:
    import httpx
    from httpx_sse import connect_sse

    with httpx.Client(base_url=url, headers=raw_clients.HEADERS, timeout=TIMEOUT) as client:

        def read(model: str) -> ReadCount:
            events = characters = 0
            with connect_sse(client, "POST", PATH, json=raw_clients.body(model, stream=True)) as source:
                for event in source.iter_sse():
                    if event.data != "[DONE]":
                        events += 1
                        characters += len(json.loads(event.data)["choices"][0]["delta"].get("content") or "")
            return events, characters

        yield read


@contextmanager
def raw(url: str) -> Iterator[Read]:
    def read(model: str) -> ReadCount:
        events = characters = 0
        lines = raw_clients.Lines()
        with socket.create_connection(raw_clients.address(url), timeout=TIMEOUT) as sock:
            sock.sendall(raw_clients.request(url, model))
            while piece := sock.recv(raw_clients.PIECE):
                for line in lines.feed(piece):
                    if line == b"data: [DONE]":
                        return events, characters
                    if line.startswith(b"data: "):
                        events += 1
                        characters += len(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")
        raise ConnectionError("the stream was interrupted")

    yield read


CLIENTS: dict[str, Callable[[str], AbstractContextManager[Read]]] = {
    "aurous": aurous,
    "openai": openai,
    "httpx-sse": httpx_sse,
    "raw socket": raw,
}
