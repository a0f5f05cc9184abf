"""Probes of records: of running and of cancelled completions, and by other teams."""

from __future__ import annotations

from typing import Any

from .prober import Prober, body, probe


@probe
def in_progress(prober: Prober) -> Any:
    with prober.running_stream() as (completion_id, _):
        return prober.tell(prober.get(completion_id))


@probe
def cancel_completed(prober: Prober) -> Any:
    return prober.tell(prober.cancel(prober.completion_id(prober.create().text)))


@probe
def cancel_completed_stream(prober: Prober) -> Any:
    return prober.tell(prober.cancel(prober.completion_id(prober.create(body(stream=True)).text)))


@probe
def cancel_twice(prober: Prober) -> Any:
    with prober.running_stream() as (completion_id, _):
        return [prober.tell(prober.cancel(completion_id)) for _ in range(2)]


@probe
def cancel_unknown(prober: Prober) -> Any:
    return prober.tell(prober.cancel("cmp_unknown"))


@probe
def cancel_foreign(prober: Prober) -> Any:
    with prober.running_stream() as (completion_id, _):
        return prober.tell(prober.cancel(completion_id, headers=prober.other))


@probe
def cancel_foreign_completed(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create().text)
    return prober.tell(prober.cancel(completion_id, headers=prober.other))


@probe
def retrieve_foreign(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create().text)
    return prober.tell(prober.get(completion_id, headers=prober.other))


@probe
def retrieve_foreign_stream(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create(body(stream=True)).text)
    return prober.tell(prober.get(completion_id, headers=prober.other))


@probe
def retrieve_unknown(prober: Prober) -> Any:
    return prober.tell(prober.get("cmp_unknown"))


@probe
def retrieve_twice(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create().text)
    return [prober.tell(prober.get(completion_id)) for _ in range(2)]


@probe
def disconnected(prober: Prober) -> Any:
    """The record of a stream whose client disconnected: when the server has noticed, 5 s later, and 15 s later."""
    chat = prober.server.application.chat
    chat.pace = 0.002
    with prober.client.stream("POST", "/v1/chat/completions", json=body("A long story", stream=True)) as response:
        completion_id = prober.completion_id(next(response.iter_lines()))
    prober.closed.wait(20)
    chat.pace = 0
    told = []
    for seconds in (0, 5, 10):
        prober.clock.advance(seconds)
        document = prober.get(completion_id).json()
        told.append([document["status"], document.get("error"), document["choices"][0]["finish_reason"]])
    return told


@probe
def cancelled_later(prober: Prober) -> Any:
    """A cancelled record at once, and two seconds later."""
    with prober.running_stream() as (completion_id, _):
        told = [prober.tell(prober.cancel(completion_id))]
        prober.clock.advance(2)
        return [*told, prober.tell(prober.get(completion_id))]
