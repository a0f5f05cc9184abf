"""Who may ask: the key in either header, and everybody else refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from harness import contract
from harness.client.api_client import Server, encode
from harness.client.exchange import Exchange
from harness.contract import Operation
from harness.rules import AUTHENTICATION, ERRORS, rule
from harness.violations import observe, require

from .conftest import UNKNOWN_ID, WRONG_KEY

each_operation = pytest.mark.parametrize("operation", contract.operations(), ids=lambda operation: operation.id)


def call(server: Server, operation: Operation, headers: Mapping[str, str | None]) -> Exchange:
    """Any operation, once, with a request that only its credential can spoil."""
    path = operation.address(UNKNOWN_ID)
    if operation.id == "createChatCompletion":
        return server.create(server.ask(), headers=headers)
    return server.send(operation.method, path, headers=headers)


@rule("authentication.api_key", page=AUTHENTICATION, says="The key is accepted in X-Api-Key.")
@each_operation
def test_api_key(server: Server, operation: Operation) -> None:
    admits(call(server, operation, {"X-Api-Key": server.api_key}))


@rule("authentication.bearer", page="api-reference/chat/overview", says="The key is accepted as Authorization: Bearer.")
@each_operation
def test_bearer(server: Server, operation: Operation) -> None:
    admits(call(server, operation, {"X-Api-Key": None, "Authorization": f"Bearer {server.api_key}"}))


@rule(
    "authentication.same_team", page=AUTHENTICATION, says="Both headers name the same team: its completions are found."
)
def test_same_team(server: Server, completion: Exchange) -> None:
    bearer = {"X-Api-Key": None, "Authorization": f"Bearer {server.api_key}"}
    server.retrieve(completion.at("id"), headers=bearer).expect(200)


@rule("authentication.missing_key", page=ERRORS, says="A request without a key is 401 `missing_api_key`.")
@each_operation
def test_missing_key(server: Server, operation: Operation) -> None:
    refuses(call(server, operation, {"X-Api-Key": None}), "missing_api_key")


@rule("authentication.wrong_key", page=ERRORS, says="A key that does not exist is 401 `invalid_api_key`.")
@each_operation
def test_wrong_key(server: Server, operation: Operation) -> None:
    refuses(call(server, operation, {"X-Api-Key": WRONG_KEY}), "invalid_api_key", "revoked_api_key")


@rule("authentication.wrong_bearer", page=ERRORS, says="A bearer token that is no key is 401 `invalid_api_key`.")
@each_operation
def test_wrong_bearer(server: Server, operation: Operation) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"Bearer {WRONG_KEY}"}
    refuses(call(server, operation, headers), "invalid_api_key", "revoked_api_key")


@rule("authentication.near_key", page=AUTHENTICATION, says="Only the whole key is the key.")
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda key: key[:-1], id="shortened"),
        pytest.param(lambda key: key + "0", id="lengthened"),
        pytest.param(lambda key: key[:-1] + ("1" if key[-1] != "1" else "2"), id="last character changed"),
        pytest.param(lambda key: "al_live_", id="prefix only"),
    ],
)
def test_near_key(server: Server, spoil: Callable[[str], str]) -> None:
    refused = server.send("GET", "/v1/models", headers={"X-Api-Key": spoil(server.api_key)})
    refuses(refused, "invalid_api_key", "revoked_api_key", "missing_api_key")


@rule("authentication.not_a_bearer", page=AUTHENTICATION, says="Another scheme, or none, is not a key.")
@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_not_a_bearer(server: Server, scheme: str) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"{scheme} {WRONG_KEY}".strip()}
    server.send("GET", "/v1/models", headers=headers).expect(401)


@rule(
    "authentication.other_scheme", page=AUTHENTICATION, says="The key is a bearer token, and nothing else: not `Basic`."
)
def test_other_scheme(server: Server) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"Basic {server.api_key}"}
    server.send("GET", "/v1/models", headers=headers).expect(401)


@rule("authentication.empty_key", page=AUTHENTICATION, says="An empty key is no key.")
@pytest.mark.parametrize(
    "headers", [{"X-Api-Key": ""}, {"X-Api-Key": None, "Authorization": "Bearer"}], ids=["key", "bearer"]
)
def test_empty_key(server: Server, headers: dict[str, str | None]) -> None:
    server.send("GET", "/v1/models", headers=headers).expect(401)


@rule("authentication.before_work", page=ERRORS, says="Without a key nothing is told about a request or a completion.")
def test_before_work(server: Server, completion: Exchange) -> None:
    none = {"X-Api-Key": None}
    server.retrieve(completion.at("id"), headers=none).expect(401)
    server.send("POST", "/v1/chat/completions", headers=none, content=encode({"model": 1})).expect(401)


@rule("authentication.two_keys", page=AUTHENTICATION, says="Which header wins when both carry keys.", observed=True)
def test_two_keys(server: Server) -> None:
    first = server.send("GET", "/v1/models", headers={"Authorization": f"Bearer {WRONG_KEY}"})
    second = server.send(
        "GET", "/v1/models", headers={"X-Api-Key": WRONG_KEY, "Authorization": f"Bearer {server.api_key}"}
    )
    observe(f"a wrong bearer beside the key: {first.outcome}; a wrong X-Api-Key beside the bearer: {second.outcome}")


def admits(exchange: Exchange) -> None:
    """Require an answer to whoever may ask, be it that the API knows no such id."""
    require(exchange.status not in (0, 401, 403), f"the key is answered {exchange.outcome}", exchange)
    misfits = contract.misfits("ErrorEnvelope", exchange.json) if exchange.status >= 400 else []
    require(not misfits, f"the error's envelope: {'; '.join(misfits)}", exchange)


def refuses(exchange: Exchange, *codes: str) -> None:
    exchange.expect(401)
    require(exchange.at("error", "code") in codes, f"the code is {exchange.at('error', 'code')!r}", exchange)
    kind = exchange.at("error", "type")
    require(kind == "authentication", f"the type is {kind!r}", exchange)
