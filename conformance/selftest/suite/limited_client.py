"""A client of the suite whose credits and time are limited, with the server that it calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from answering_server import Answer, AnsweringServer, answering
from harness.client.api_client import ApiClient
from harness.client.deadlines import TimeLimit
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.settings import Settings

KEY = "al_live_" + "7" * 64
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1000}


@contextmanager
def client_of(
    answer: Answer, *, limit: float | None = None, seconds: float | None = None, base_path: str = ""
) -> Iterator[tuple[ApiClient, AnsweringServer]]:
    with answering(answer) as server:
        settings = Settings(server.url + base_path, KEY, None, "2026-05-15")
        client = ApiClient(settings, Recorder(), SpendLimit(limit), TimeLimit(seconds))
        try:
            yield client, server
        finally:
            client.close()
