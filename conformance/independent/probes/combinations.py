"""Probes of combinations: a key with a stream, with calls, with a disconnect."""

from __future__ import annotations

import unicodedata
from typing import Any

from .answers import ASKED
from .prober import PROBES, Prober, body, probe

KEYED = {"Idempotency-Key": "combined"}
PATH = "/v1/chat/completions"


@probe
def cancel_keyed_stream(prober: Prober) -> Any:
    with prober.running_stream(headers=KEYED) as (completion_id, _):
        return prober.tell(prober.cancel(completion_id))


@probe
def retrieve_cancelled_twice(prober: Prober) -> Any:
    with prober.running_stream() as (completion_id, _):
        for _ in range(2):
            prober.cancel(completion_id)
        return prober.tell(prober.get(completion_id))


@probe
def disconnected_keyed(prober: Prober) -> Any:
    """The record of a stream with a key, once its client has disconnected."""
    chat = prober.server.application.chat
    chat.pace = 0.002
    asked = body("A long story", stream=True)
    with prober.client.stream("POST", PATH, json=asked, headers=KEYED) as response:
        completion_id = prober.completion_id(next(response.iter_lines()))
    prober.closed.wait(20)
    chat.pace = 0
    return prober.get(completion_id).json()["status"]


@probe
def replay_tools(prober: Prober) -> Any:
    return [prober.tell(prober.create(body(**ASKED["tools"]), headers=KEYED)) for _ in range(2)]


@probe
def spent_replayed_tools(prober: Prober) -> Any:
    prober.create(body(**ASKED["tools"]), headers=KEYED)
    with prober.spending() as changes:
        prober.create(body(**ASKED["tools"]), headers=KEYED)
    return changes


@probe
def retrieve_logprobs(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create(body(logprobs=True)).text)
    return prober.tell(prober.get(completion_id))


@probe
def spent_late_cancel(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create(body(stream=True)).text)
    with prober.spending() as changes:
        prober.cancel(completion_id)
    return changes


@probe
def create_four_stops(prober: Prober) -> Any:
    return prober.tell(prober.create(body(stop=["none", "of", "these", " "])))


def _conflict(name: str, text: str, members: dict[str, Any], other: dict[str, Any]) -> None:
    def run(prober: Prober) -> Any:
        prober.create(body(text, **members), headers=KEYED)
        return prober.tell(prober.create(body(**other), headers=KEYED))

    PROBES[name] = run


_conflict("conflict_by_unknown_member", "One", {"metadata": {"a": "1"}}, {"text": "One", "metadata": {"a": "2"}})
_conflict("conflict_by_case", "one café", {}, {"text": "ONE CAFÉ"})
_conflict("conflict_by_accent", "one café", {}, {"text": unicodedata.normalize("NFD", "one café")})


@probe
def stream_keyed_tools(prober: Prober) -> Any:
    return prober.streamed(body(stream=True, **ASKED["tools"]), headers=KEYED)


@probe
def stream_encoding(prober: Prober) -> Any:
    with prober.client.stream("POST", PATH, json=body(stream=True)) as response:
        return response.headers.get("Content-Encoding"), response.read().decode().endswith("data: [DONE]\n\n")


@probe
def create_cut_logprobs(prober: Prober) -> Any:
    return prober.tell(prober.create(body(logprobs=True, max_tokens=3)))
