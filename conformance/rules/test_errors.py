"""Rules on the error envelope, and on the headers of every response."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from harness import contract
from harness.client.api_client import COMPLETIONS, ApiClient
from harness.client.exchange import Exchange
from harness.rules import ERROR_GUIDE, ERRORS, RATE_LIMITS, rule
from harness.violations import RuleViolation, inform, require

from .conftest import STREAMED

WORD = re.compile(r"[\w.-]+\Z")
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
TPM_HEADERS = ("X-RateLimit-TPM-Limit", "X-RateLimit-TPM-Remaining", "X-RateLimit-TPM-Reset")

# The statuses that each of the `failures` may have, and its documented type.
EXPECTED = {
    "a missing member": ((400, 422), "invalid_request"),
    "a wrong type": ((400, 422), "invalid_request"),
    "out of range": ((400, 422), "invalid_request"),
    "an unknown model": ((400, 404, 422), None),
    "broken JSON": ((400, 422), "invalid_request"),
    "a reused key": ((409,), "invalid_request"),
    "no key": ((401,), "authentication"),
    "a wrong key": ((401,), "authentication"),
    "a wrong key on GET": ((401,), "authentication"),
    "a malformed version": ((400, 422), "invalid_request"),
    "a malformed version on create": ((400, 422), "invalid_request"),
    "an unknown id": ((404,), "not_found"),
    "cancelling an unknown id": ((404,), "not_found"),
    "cancelling what has ended": ((409,), "invalid_request"),
    "an unknown path": ((404, 405), None),
}


@rule("error.status", page=ERRORS, sentence="Each kind of error has its documented status.")
def test_error_status_is_the_documented_one(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        statuses, _ = EXPECTED[name.removesuffix(STREAMED)]
        if exchange.status not in statuses:
            raise RuleViolation(
                f"{name} is answered {exchange.outcome}; expected {' or '.join(map(str, statuses))}", exchange
            )


@rule("error.type", page=ERRORS, sentence="Each kind of error has its documented `type`.")
def test_error_type_is_the_documented_one(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        _, kind = EXPECTED[name.removesuffix(STREAMED)]
        actual = exchange.at("error", "type")
        require(kind is None or actual == kind, f"{name}: `type` is {actual!r}; expected {kind!r}", exchange)


@rule("error.media_type", page=ERROR_GUIDE, sentence="Errors are JSON, on streams too.")
def test_error_media_type_is_json(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        require(exchange.media_type == "application/json", f"{name}: {exchange.media_type!r}", exchange)


@rule(
    "error.envelope",
    page=ERROR_GUIDE,
    sentence="`error` has type, code, message, doc_url and request_id; `param` may be null.",
)
def test_error_envelope_has_the_documented_members(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json)
        require(not schema_errors, f"{name}: {'; '.join(schema_errors)}", exchange)


@rule("error.type_known", page=ERROR_GUIDE, sentence="`type` is one of the five documented values.")
def test_error_type_is_one_of_the_documented_types(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        actual = exchange.at("error", "type")
        require(actual in contract.error_types(), f"{name}: `type` is {actual!r}", exchange)


@rule("error.code_means", page=ERRORS, sentence="A documented code has its documented status and type.")
def test_error_code_has_its_documented_status_and_type(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        code = contract.error_codes().get(exchange.at("error", "code"))
        if code is None:
            continue
        lenient = {400, 422} if code.status in (400, 422) else {code.status}
        require(
            code.status is None or exchange.status in lenient, f"{name}: {code.name} with {exchange.status}", exchange
        )
        actual = exchange.at("error", "type")
        require(actual == code.type, f"{name}: {code.name} with type {actual!r}; documented: {code.type!r}", exchange)


@rule("error.code", page=ERRORS, sentence="`code` is one stable, machine-readable word.")
def test_error_code_is_a_single_word(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        actual = exchange.at("error", "code")
        require(isinstance(actual, str) and WORD.match(actual), f"{name}: `code` is {actual!r}", exchange)


@rule("error.message", page=ERROR_GUIDE, sentence="`message` is text for people.")
def test_error_message_is_text(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        actual = exchange.at("error", "message")
        require(isinstance(actual, str) and actual.strip(), f"{name}: `message` is {actual!r}", exchange)


@rule("error.doc_url", page=ERROR_GUIDE, sentence="`doc_url` is an absolute address.")
def test_error_doc_url_is_absolute(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        actual = exchange.at("error", "doc_url")
        parts = urlsplit(actual) if isinstance(actual, str) else None
        require(
            parts and parts.scheme in ("http", "https") and parts.netloc, f"{name}: `doc_url` is {actual!r}", exchange
        )


@rule("error.param", page=ERROR_GUIDE, sentence="`param` names the parameter at fault.")
def test_error_param_names_the_wrong_parameter(failures: dict[str, Exchange]) -> None:
    for name, member in {
        "a missing member": "messages",
        "a wrong type": "temperature",
        "out of range": "temperature",
    }.items():
        for exchange in (failures[name], failures[name + STREAMED]):
            actual = exchange.at("error").get("param")
            require(actual is None or member in actual, f"{name}: `param` is {actual!r}; it is {member!r}", exchange)


@rule("error.no_retry_after", page="idempotency", sentence="Retry-After is not sent with 409 idempotency_key_in_use.")
def test_idempotency_conflict_has_no_retry_after(failures: dict[str, Exchange]) -> None:
    actual = failures["a reused key"].header("Retry-After")
    require(actual is None, f"Retry-After is {actual!r}", failures["a reused key"])


@rule("error.unknown_path", page=ERRORS, sentence="A path that does not exist is a 404 with the envelope.")
@pytest.mark.parametrize("path", ["/v1/no-such-thing", "/v1/chat", "/v1/models/x/y", "/"])
def test_unknown_path_is_not_found(api: ApiClient, path: str) -> None:
    response = api.send("GET", path)
    response.expect(404, 405)
    schema_errors = contract.schema_errors("ErrorEnvelope", response.json)
    require(not schema_errors, "; ".join(schema_errors), response)


@rule(
    "error.unknown_method", page=ERRORS, sentence="A method that an operation does not have is a 4xx with the envelope."
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_unsupported_method_is_refused(api: ApiClient, method: str) -> None:
    response = api.send(method, COMPLETIONS)
    response.expect(404, 405)
    schema_errors = contract.schema_errors("ErrorEnvelope", response.json)
    require(not schema_errors, "; ".join(schema_errors), response)


@rule(
    "header.rate_limits_listed",
    page=RATE_LIMITS,
    sentence="Which rate limits responses state (not documented for chat).",
    informational=True,
)
def test_rate_limit_headers_of_a_completion(successes: dict[str, Exchange]) -> None:
    actual = [name for name in (*RATE_HEADERS, *TPM_HEADERS) if successes["create"].header(name) is not None]
    inform(f"a create lists {', '.join(actual) or 'none'}")
