"""Rules on authentication: a key is accepted in either header, and anything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from harness import contract
from harness.client.api_client import ApiClient, encode
from harness.client.exchange import Exchange
from harness.contract import Operation
from harness.rules import AUTHENTICATION, ERRORS, rule
from harness.violations import inform, require

from .conftest import WRONG_KEY

CREATE_ID = "createChatCompletion"
STREAMED_ID = f"{CREATE_ID}, streamed"
# Creating a completion counts twice: once for a document, once for a stream.
CALLS = [
    *contract.operations(),
    *(replace(operation, id=STREAMED_ID) for operation in contract.operations() if operation.id == CREATE_ID),
]
each_operation = pytest.mark.parametrize(
    "operation", [operation for operation in CALLS if not operation.is_public], ids=lambda operation: operation.id
)


def call(api: ApiClient, operation: Operation, headers: Mapping[str, str | None]) -> Exchange:
    """Any operation, once, with a request that is valid apart from its headers."""
    if operation.id in (CREATE_ID, STREAMED_ID):
        return api.create(api.chat_body(stream=operation.id == STREAMED_ID, max_tokens=2), headers=headers)
    return api.call(operation, headers=headers)


@rule("authentication.api_key", page=AUTHENTICATION, sentence="The key is accepted in X-Api-Key.")
@each_operation
def test_key_in_x_api_key_is_accepted(api: ApiClient, operation: Operation) -> None:
    require_admitted(call(api, operation, {"X-Api-Key": api.api_key}))


@rule(
    "authentication.bearer",
    page="api-reference/chat/overview",
    sentence="The key is accepted as Authorization: Bearer.",
)
@each_operation
def test_key_as_bearer_token_is_accepted(api: ApiClient, operation: Operation) -> None:
    require_admitted(call(api, operation, {"X-Api-Key": None, "Authorization": f"Bearer {api.api_key}"}))


@rule(
    "authentication.same_team",
    page=AUTHENTICATION,
    sentence="Both headers name the same team: either finds its completions.",
)
def test_both_key_headers_name_the_same_team(api: ApiClient, completion: Exchange) -> None:
    bearer = {"X-Api-Key": None, "Authorization": f"Bearer {api.api_key}"}
    api.retrieve(completion.at("id"), headers=bearer).expect(200)


@rule("authentication.missing_key", page=ERRORS, sentence="A request without a key is 401 `missing_api_key`.")
@each_operation
def test_request_without_a_key_is_unauthorized(api: ApiClient, operation: Operation) -> None:
    require_unauthorized(call(api, operation, {"X-Api-Key": None}), "missing_api_key")


@rule("authentication.wrong_key", page=ERRORS, sentence="A key that does not exist is 401 `invalid_api_key`.")
@each_operation
def test_unknown_key_is_unauthorized(api: ApiClient, operation: Operation) -> None:
    require_unauthorized(call(api, operation, {"X-Api-Key": WRONG_KEY}), "invalid_api_key", "revoked_api_key")


@rule("authentication.wrong_bearer", page=ERRORS, sentence="A bearer token that is not a key is 401 `invalid_api_key`.")
@each_operation
def test_unknown_bearer_token_is_unauthorized(api: ApiClient, operation: Operation) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"Bearer {WRONG_KEY}"}
    require_unauthorized(call(api, operation, headers), "invalid_api_key", "revoked_api_key")


@rule("authentication.near_key", page=AUTHENTICATION, sentence="Only the complete key is accepted.")
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda key: key[:-1], id="shortened"),
        pytest.param(lambda key: key + "0", id="lengthened"),
        pytest.param(lambda key: key[:-1] + ("1" if key[-1] != "1" else "2"), id="last character changed"),
        pytest.param(lambda key: "al_live_", id="prefix only"),
        pytest.param(lambda key: key.swapcase(), id="other case"),
    ],
)
def test_almost_right_key_is_unauthorized(api: ApiClient, spoil: Callable[[str], str]) -> None:
    response = api.send("GET", "/v1/models", headers={"X-Api-Key": spoil(api.api_key)})
    require_unauthorized(response, "invalid_api_key", "revoked_api_key", "missing_api_key")


@rule(
    "authentication.not_a_bearer",
    page=AUTHENTICATION,
    sentence="An unknown key under another scheme, or under none, is 401.",
)
@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_unknown_key_under_another_scheme_is_unauthorized(api: ApiClient, scheme: str) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"{scheme} {WRONG_KEY}".strip()}
    api.send("GET", "/v1/models", headers=headers).expect(401)


@rule(
    "authentication.other_scheme",
    page=AUTHENTICATION,
    sentence="The key is refused under any scheme but Bearer, such as `Basic`.",
)
def test_right_key_as_basic_credentials_is_unauthorized(api: ApiClient) -> None:
    headers = {"X-Api-Key": None, "Authorization": f"Basic {api.api_key}"}
    api.send("GET", "/v1/models", headers=headers).expect(401)


@rule("authentication.empty_key", page=AUTHENTICATION, sentence="An empty key is 401.")
@pytest.mark.parametrize(
    "headers", [{"X-Api-Key": ""}, {"X-Api-Key": None, "Authorization": "Bearer"}], ids=["key", "bearer"]
)
def test_empty_key_is_unauthorized(api: ApiClient, headers: dict[str, str | None]) -> None:
    api.send("GET", "/v1/models", headers=headers).expect(401)


@rule(
    "authentication.before_work",
    page=ERRORS,
    sentence="Without a key, nothing about a request or a completion is revealed.",
)
def test_missing_key_is_reported_before_any_other_fault(api: ApiClient, completion: Exchange) -> None:
    none = {"X-Api-Key": None}
    api.retrieve(completion.at("id"), headers=none).expect(401)
    for body in ({"model": 1}, {"model": 1, "stream": True}):
        api.send("POST", "/v1/chat/completions", headers=none, content=encode(body)).expect(401)


@rule(
    "authentication.two_keys",
    page=AUTHENTICATION,
    sentence="Which header is used if both have keys (not documented).",
    informational=True,
)
def test_precedence_of_two_key_headers(api: ApiClient) -> None:
    first = api.send("GET", "/v1/models", headers={"Authorization": f"Bearer {WRONG_KEY}"})
    second = api.send("GET", "/v1/models", headers={"X-Api-Key": WRONG_KEY, "Authorization": f"Bearer {api.api_key}"})
    inform(f"a wrong bearer beside the key: {first.outcome}; a wrong X-Api-Key beside the bearer: {second.outcome}")


def require_admitted(exchange: Exchange) -> None:
    """Require that the key is accepted, even if the id is unknown."""
    require(exchange.status not in (0, 401, 403), f"the key is answered {exchange.outcome}", exchange)
    schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json) if exchange.status >= 400 else []
    require(not schema_errors, f"the error's envelope: {'; '.join(schema_errors)}", exchange)


def require_unauthorized(exchange: Exchange, *codes: str) -> None:
    exchange.expect(401)
    require(exchange.at("error", "code") in codes, f"the code is {exchange.at('error', 'code')!r}", exchange)
    kind = exchange.at("error", "type")
    require(kind == "authentication", f"the type is {kind!r}", exchange)
