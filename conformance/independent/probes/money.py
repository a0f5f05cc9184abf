"""Probes of the balance: the effect of each end of a completion."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

from .answers import ASKED
from .prober import PROBES, Prober, body, probe


def _register(name: str, members: dict[str, Any]) -> None:
    def run(prober: Prober) -> Any:
        with prober.spending() as changes:
            prober.create(body(**members))
        return changes

    PROBES[f"spent_{name}"] = run


for _name in ("text", "tools", "structured", "minimal", "reasoning", "length"):
    _register(_name, ASKED[_name])
_register("stream", {"stream": True})
_register("stream_tools", {"stream": True, **ASKED["tools"]})
_register("stream_length", {"stream": True, **ASKED["length"]})
_register("stream_without_usage", {"stream": True, "stream_options": {"include_usage": False}})
_register("refused", {"temperature": 3})
_register("refused_late", {"max_tokens": 100_000})


@probe
def spent_keyed_stream(prober: Prober) -> Any:
    with prober.spending() as changes:
        prober.create(body(stream=True), headers={"Idempotency-Key": "spent"})
    return changes


@probe
def spent_cancelled(prober: Prober) -> Any:
    with prober.spending() as changes, prober.running_stream() as (completion_id, _):
        prober.cancel(completion_id)
    return changes


@probe
def spent_disconnected(prober: Prober) -> Any:
    """A disconnect, once the server has noticed it: whether the receipt and the balance agree."""
    chat = prober.server.application.chat
    with prober.spending() as changes:
        chat.pace = 0.002
        with prober.client.stream("POST", "/v1/chat/completions", json=body("A long story", stream=True)) as response:
            completion_id = prober.completion_id(next(response.iter_lines()))
        prober.closed.wait(20)
        chat.pace = 0
    document = prober.get(completion_id).json()
    charged = document["usage"]["credits_charged"]
    spent = float(changes[0].split()[1])
    return [document["status"], document.get("error"), abs(charged - spent) < 1e-9, changes[1], spent > 0, charged > 0]


@probe
def spent_later(prober: Prober) -> Any:
    """The balance at once, and two seconds later."""
    before = prober.balance()["credits"]
    prober.create()
    at_once = Decimal(before - prober.balance()["credits"])
    prober.clock.advance(2)
    return [str(at_once.normalize()), str(Decimal(before - prober.balance()["credits"]).normalize())]


@probe
def spent_retrieving(prober: Prober) -> Any:
    completion_id = prober.completion_id(prober.create().text)
    with prober.spending() as changes:
        prober.get(completion_id)
        prober.cancel(completion_id)
        prober.send("GET", "/v1/models")
    return changes


@probe
def spent_at_once(prober: Prober) -> Any:
    """Six completions at the same time."""
    with prober.spending() as changes:
        threads = [threading.Thread(target=prober.create) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return changes


@probe
def spent_by_other_team(prober: Prober) -> Any:
    with prober.spending() as changes:
        prober.create(headers=prober.other)
    return changes


@probe
def held(prober: Prober) -> Any:
    """The balance while a stream runs."""
    before = prober.balance()
    with prober.running_stream():
        during = prober.balance()
    return [
        str(Decimal(before[name] - during[name]).normalize())
        for name in ("credits", "held_credits", "available_credits")
    ]


@probe
def spent_idle(prober: Prober) -> Any:
    with prober.spending() as changes:
        pass
    return changes


@probe
def poor(prober: Prober) -> Any:
    """A request of a team with a single micro-credit, in both forms."""
    prober.server.application.teams["second"].ledger.credits = 1
    told = [prober.tell(prober.create(body(stream=stream), headers=prober.other)) for stream in (False, True)]
    return [told, {name: str(value) for name, value in prober.balance(headers=prober.other).items()}]
