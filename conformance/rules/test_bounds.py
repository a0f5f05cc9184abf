"""Rules on the bounds of requests: values within them are accepted, others are refused."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.generation.boundaries import VALIDATION_CODES, Bound, bounds
from harness.generation.request_normalizer import FRUGAL, LEAST_EFFORT, media_in
from harness.rules import CREATE, expensive, first, rule
from harness.settings import Profile
from harness.violations import not_tested, require

from .scenarios import each_mode

# The options of a stream that only has to begin.
BRIEF: dict[str, Any] = {"max_tokens": 2}
# In characters of JSON.
LONG = 4000


def is_expensive(bound: Bound) -> bool:
    """Whether the bodies inside a bound are long, have images, or make the model reason."""
    written = json.dumps(bound.inside)
    efforts = {body.get("reasoning_effort", LEAST_EFFORT) for body in bound.inside}
    return "_url" in written or len(written) > LONG or efforts > {LEAST_EFFORT}


def streamed(bodies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bodies without a member `stream`, as requests for a stream."""
    return [
        {**body, "stream": True, **(BRIEF if body.get("max_tokens") == FRUGAL["max_tokens"] else {})}
        for body in bodies
        if "stream" not in body
    ]


def as_param(bound: Bound) -> Any:
    marks = [rule(bound.id, page=bound.page, sentence=bound.sentence), *([expensive] if is_expensive(bound) else [])]
    return pytest.param(bound, marks=marks, id=bound.id)


BOUNDS = [as_param(bound) for bound in bounds()]


@pytest.fixture(scope="module")
def accepted() -> set[str]:
    """The bodies that were accepted already, as several bounds have the same one."""
    return set()


@pytest.mark.parametrize("bound", BOUNDS)
def test_request_bound_is_enforced(api: ApiClient, accepted: set[str], bound: Bound) -> None:
    for kind in sorted(media_in(list(bound.inside))):
        if refusal := api.media_refusal(kind):
            not_tested(
                f"a data: URI as {kind} is refused ({refusal}), which pages disagree on, and the suite knows no "
                "address that every server can fetch"
            )
    for body in (*bound.inside, *streamed(bound.inside[:1] if is_expensive(bound) else bound.inside)):
        written = json.dumps(body, sort_keys=True)
        if written not in accepted:
            require_accepted(api, body)
            accepted.add(written)
    # Streams have the same bounds; a quick run tries one value of each.
    few = api.settings.profile is Profile.QUICK
    for body in (*bound.outside, *streamed(bound.outside[:1] if few else bound.outside)):
        require_refused(api.create(with_model(api, body), expect_error=True), bound)


@rule(
    "request.max_tokens.hard_cap",
    page="api-reference/errors/max_tokens_exceeds_hard_cap",
    sentence="`max_tokens` above the model's hard cap is 400 `max_tokens_exceeds_hard_cap`, param `max_tokens`.",
)
@pytest.mark.parametrize("over", [1, 100_000_000])
@each_mode
def test_max_tokens_above_the_hard_cap_is_refused(api: ApiClient, over: int, stream: bool) -> None:
    body = api.chat_body(max_tokens=hard_cap(api) + over, stream=stream)
    response = api.create(body, expect_error=True).expect(400)
    code, param = response.at("error", "code"), response.at("error").get("param")
    actual = (code, param, response.at("error", "type"))
    require(
        actual == ("max_tokens_exceeds_hard_cap", "max_tokens", "invalid_request"), f"the error is {actual}", response
    )


@first
@rule("request.max_tokens.up_to_cap", page=CREATE, sentence="`max_tokens` of the model's hard cap is accepted.")
@each_mode
def test_max_tokens_at_the_hard_cap_is_accepted(api: ApiClient, stream: bool) -> None:
    fetch_result(api, api.chat_body(max_tokens=hard_cap(api)), stream=stream)


@first
@rule("request.minimal", page=CREATE, sentence="Only `model` and `messages` are required.")
@pytest.mark.parametrize("stream", [False, pytest.param(True, marks=expensive)], ids=["create", "stream"])
def test_request_with_only_required_members_is_accepted(api: ApiClient, stream: bool) -> None:
    body = api.chat_body()
    fetch_result(api, {"model": body["model"], "messages": body["messages"]}, stream=stream)


@expensive
@rule("request.examples", page=CREATE, sentence="The documented examples are accepted.")
@pytest.mark.parametrize("name", [name for name, _ in contract.examples("/v1/chat/completions", "post")])
@each_mode
def test_documented_example_is_accepted(api: ApiClient, name: str, stream: bool) -> None:
    body = dict(contract.examples("/v1/chat/completions", "post"))[name]
    frugal = {**FRUGAL, **body}
    short = {**frugal, "max_tokens": min(frugal["max_tokens"], 64)}
    request = with_model(api, {**short, "stream": True, **BRIEF, "reasoning_effort": LEAST_EFFORT} if stream else short)
    exchange = api.create(request)
    if exchange.status in (400, 422) and media_in(body):
        not_tested(f"its picture is on an example host, which need not be reachable: {exchange.outcome}")
    exchange.expect(200)


@rule("request.media_type", page=CREATE, sentence="`application/json` is accepted with parameters.")
@pytest.mark.parametrize(
    "value", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
@each_mode
def test_json_media_type_with_parameters_is_accepted(api: ApiClient, value: str, stream: bool) -> None:
    fetch_result(api, api.chat_body(**BRIEF), stream=stream, headers={"Content-Type": value})


def require_accepted(api: ApiClient, body: dict[str, Any]) -> None:
    """Require that a body within the contract is accepted.

    How much a model reasons cannot be bounded, so a request for more than the least is left once its stream begins.
    """
    body = with_model(api, body)
    if body["model"] != api.model:
        return
    if body.get("reasoning_effort", LEAST_EFFORT) == LEAST_EFFORT:
        fetch_result(api, body, stream=body.get("stream") is True)
        return
    with api.open_stream({**body, "stream": True}) as stream:
        stream.exchange.expect(200)


def require_refused(exchange: Exchange, bound: Bound) -> None:
    """Require a refusal with the documented status, type, code and param of this fault."""
    exchange.expect(400, 422)
    schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json)
    require(not schema_errors, f"the error's envelope: {'; '.join(schema_errors)}", exchange)
    kind, code = exchange.at("error", "type"), exchange.at("error", "code")
    require(kind == "invalid_request", f"the type is {kind!r}", exchange)
    misnamed = code in contract.error_codes() and code not in VALIDATION_CODES
    require(not misnamed, f"the code is {code!r}; documented for this: {' or '.join(VALIDATION_CODES)}", exchange)
    param = exchange.at("error").get("param")
    require(param is None or bound.member in param, f"`param` is {param!r}; the fault is in {bound.member!r}", exchange)


def with_model(api: ApiClient, body: dict[str, Any]) -> dict[str, Any]:
    """The body with a model of the server, unless it is about the model."""
    return {**body, "model": api.model} if body.get("model") in ("", "aurous-grow-2.0-pro") else body


def hard_cap(api: ApiClient) -> int:
    metadata = api.model_metadata
    cap = metadata.get("max_output_tokens_hard_cap") or metadata.get("hard_max_tokens")
    if not isinstance(cap, int):
        not_tested(f"no hard cap is listed for {api.model}")
    return cap
