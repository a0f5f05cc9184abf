"""Every bound of a request: just inside it is accepted, just outside it is refused, and for that reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.generation.boundaries import Bound, bounds
from harness.generation.request_normalizer import FRUGAL
from harness.rules import CREATE, dear, first, rule
from harness.settings import Profile
from harness.violations import require, unseen

# In characters of JSON.
LONG = 4000


def costs_much(bound: Bound) -> bool:
    """Whether what keeps the bound is long, has pictures in it, or makes the model reason."""
    written = json.dumps(bound.inside)
    efforts = {body.get("reasoning_effort", "minimal") for body in bound.inside}
    return "_url" in written or len(written) > LONG or efforts > {"minimal"}


def facet(bound: Bound) -> Any:
    marks = [rule(bound.id, page=bound.page, says=bound.says), *([dear] if costs_much(bound) else [])]
    return pytest.param(bound, marks=marks, id=bound.id)


FACETS = [facet(bound) for bound in bounds()]


@pytest.mark.parametrize("bound", FACETS)
def test_bound(server: Server, bound: Bound) -> None:
    for body in bound.inside:
        served(server, body)
    for body in bound.outside:
        refused(server.create(modelled(server, body), refused=True), bound)
    # A stream is no way around a bound; a quick run tries one value of each.
    for body in bound.outside[:1] if server.settings.profile is Profile.QUICK else bound.outside:
        if "stream" not in body:
            refused(server.create(modelled(server, {**body, "stream": True}), refused=True), bound)


@rule(
    "request.max_tokens.hard_cap",
    page="api-reference/errors/max_tokens_exceeds_hard_cap",
    says="`max_tokens` above the model's hard cap is 400 `max_tokens_exceeds_hard_cap`, param `max_tokens`.",
)
@pytest.mark.parametrize("over", [1, 100_000_000])
def test_hard_cap(server: Server, over: int) -> None:
    told = server.create(server.ask(max_tokens=hard_cap(server) + over), refused=True).expect(400)
    code, param = told.at("error", "code"), told.at("error").get("param")
    found = (code, param, told.at("error", "type"))
    require(found == ("max_tokens_exceeds_hard_cap", "max_tokens", "invalid_request"), f"the answer is {found}", told)


@rule("request.max_tokens.up_to_cap", page=CREATE, says="`max_tokens` of the model's hard cap is accepted.")
def test_up_to_cap(server: Server) -> None:
    server.create(server.ask(max_tokens=hard_cap(server))).expect(200)


@first
@rule("request.minimal", page=CREATE, says="Only `model` and `messages` are required.")
def test_minimal(server: Server) -> None:
    body = server.ask()
    server.create({"model": body["model"], "messages": body["messages"]}).expect(200)


@rule("request.examples", page=CREATE, says="The documented examples are accepted.")
@pytest.mark.parametrize("name", [name for name, _ in contract.examples("/v1/chat/completions", "post")])
def test_examples(server: Server, name: str) -> None:
    body = dict(contract.examples("/v1/chat/completions", "post"))[name]
    if name == "multimodal" and server.settings.metered:
        unseen("its picture is not one that can be fetched")
    frugal = {**FRUGAL, **body}
    served(server, {**frugal, "max_tokens": min(frugal["max_tokens"], 64)})


@rule("request.media_type", page=CREATE, says="`application/json` is accepted with parameters.")
@pytest.mark.parametrize(
    "value", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_media_type(server: Server, value: str) -> None:
    server.create(server.ask(), headers={"Content-Type": value}).expect(200)


def served(server: Server, body: dict[str, Any]) -> None:
    """Require that a body which keeps the contract is answered."""
    body = modelled(server, body)
    if body.get("stream"):
        server.streamed(body)
    elif body["model"] == server.model:
        server.create(body).expect(200)


def refused(exchange: Exchange, bound: Bound) -> None:
    """Require a refusal with the documented status, type, code and param of this fault."""
    exchange.expect(400, 422)
    misfits = contract.misfits("ErrorEnvelope", exchange.json)
    require(not misfits, f"the error's envelope: {'; '.join(misfits)}", exchange)
    kind, code = exchange.at("error", "type"), exchange.at("error", "code")
    require(kind == "invalid_request", f"the type is {kind!r}", exchange)
    misnamed = code in contract.error_codes() and code not in bound.codes
    require(not misnamed, f"the code is {code!r}; documented for this: {' or '.join(sorted(bound.codes))}", exchange)
    param = exchange.at("error").get("param")
    require(param is None or bound.member in param, f"`param` is {param!r}; the fault is in {bound.member!r}", exchange)


def modelled(server: Server, body: dict[str, Any]) -> dict[str, Any]:
    """The body with a served model in, unless its model is what it is about."""
    return {**body, "model": server.model} if body.get("model") in ("", "aurous-grow-2.0-pro") else body


def hard_cap(server: Server) -> int:
    rows = {row["id"]: row for row in server.models().expect(200).at("data")}
    metadata = rows[server.model].get("aurous_metadata") or {}
    cap = metadata.get("max_output_tokens_hard_cap") or metadata.get("hard_max_tokens")
    if not isinstance(cap, int):
        unseen(f"{server.model} tells no hard cap")
    return cap
