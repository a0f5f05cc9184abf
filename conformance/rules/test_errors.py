"""The envelope that every failed request answers with, and the headers of every answer."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from harness import contract
from harness.client.api_client import COMPLETIONS, Server
from harness.client.exchange import Exchange
from harness.rules import CHANGELOG, ERROR_GUIDE, ERRORS, RATE_LIMITS, rule
from harness.violations import Breach, observe, require

WORD = re.compile(r"[\w.-]+\Z")
DATED = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
TPM_HEADERS = ("X-RateLimit-TPM-Limit", "X-RateLimit-TPM-Remaining", "X-RateLimit-TPM-Reset")

# What each of the `failures` may answer: statuses, and the documented type.
EXPECTED = {
    "a missing member": ((400, 422), "invalid_request"),
    "a wrong type": ((400, 422), "invalid_request"),
    "out of range": ((400, 422), "invalid_request"),
    "a bad stream": ((400, 422), "invalid_request"),
    "an unknown model": ((400, 404, 422), None),
    "broken JSON": ((400, 422), "invalid_request"),
    "a reused key": ((409,), "invalid_request"),
    "no key": ((401,), "authentication"),
    "a wrong key": ((401,), "authentication"),
    "a wrong key on GET": ((401,), "authentication"),
    "a malformed version": ((400, 422), "invalid_request"),
    "an unknown id": ((404,), "not_found"),
    "cancelling an unknown id": ((404,), "not_found"),
    "cancelling what has ended": ((409,), "invalid_request"),
    "an unknown path": ((404, 405), None),
}


@rule("error.status", page=ERRORS, says="Each fault is answered with the status of its kind.")
def test_status(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        statuses, _ = EXPECTED[name]
        if exchange.status not in statuses:
            raise Breach(f"{name} is answered {exchange.outcome}; expected {' or '.join(map(str, statuses))}", exchange)


@rule("error.type", page=ERRORS, says="Each fault is answered with the `type` of its kind.")
def test_type(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        _, kind = EXPECTED[name]
        told = exchange.at("error", "type")
        require(kind is None or told == kind, f"{name}: `type` is {told!r}; expected {kind!r}", exchange)


@rule("error.media_type", page=ERROR_GUIDE, says="Errors are JSON, on streams too.")
def test_media_type(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        require(exchange.media_type == "application/json", f"{name}: {exchange.media_type!r}", exchange)


@rule(
    "error.envelope",
    page=ERROR_GUIDE,
    says="`error` has type, code, message, doc_url and request_id; `param` may be null.",
)
def test_envelope(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        misfits = contract.misfits("ErrorEnvelope", exchange.json)
        require(not misfits, f"{name}: {'; '.join(misfits)}", exchange)


@rule("error.type_known", page=ERROR_GUIDE, says="`type` is one of five.")
def test_type_known(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        told = exchange.at("error", "type")
        require(told in contract.error_types(), f"{name}: `type` is {told!r}", exchange)


@rule("error.code_means", page=ERRORS, says="A documented code comes with its documented status and type.")
def test_code_means(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        code = contract.error_codes().get(exchange.at("error", "code"))
        if code is None:
            continue
        lenient = {400, 422} if code.status in (400, 422) else {code.status}
        require(
            code.status is None or exchange.status in lenient, f"{name}: {code.name} with {exchange.status}", exchange
        )
        told = exchange.at("error", "type")
        require(told == code.type, f"{name}: {code.name} with type {told!r}; documented: {code.type!r}", exchange)


@rule("error.code", page=ERRORS, says="`code` is one stable word for machines.")
def test_code(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        told = exchange.at("error", "code")
        require(isinstance(told, str) and WORD.match(told), f"{name}: `code` is {told!r}", exchange)


@rule("error.message", page=ERROR_GUIDE, says="`message` is text for people.")
def test_message(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        told = exchange.at("error", "message")
        require(isinstance(told, str) and told.strip(), f"{name}: `message` is {told!r}", exchange)


@rule("error.doc_url", page=ERROR_GUIDE, says="`doc_url` is an absolute address.")
def test_doc_url(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        told = exchange.at("error", "doc_url")
        parts = urlsplit(told) if isinstance(told, str) else None
        require(
            parts and parts.scheme in ("http", "https") and parts.netloc, f"{name}: `doc_url` is {told!r}", exchange
        )


@rule(
    "error.request_id", page=ERRORS, says="`error.request_id` is `req_...` and equal to the header Aurous-Request-Id."
)
def test_request_id(failures: dict[str, Exchange]) -> None:
    for name, exchange in failures.items():
        told, header = exchange.at("error", "request_id"), exchange.header("Aurous-Request-Id")
        require(told == header, f"{name}: request_id is {told!r} and the header {header!r}", exchange)


@rule("error.param", page=ERROR_GUIDE, says="`param` names the parameter at fault.")
def test_param(failures: dict[str, Exchange]) -> None:
    for name, member in {
        "a missing member": "messages",
        "a wrong type": "temperature",
        "out of range": "temperature",
    }.items():
        told = failures[name].at("error").get("param")
        require(told is None or member in told, f"{name}: `param` is {told!r}; it is {member!r}", failures[name])


@rule("error.no_retry_after", page="idempotency", says="Retry-After is not sent with 409 idempotency_key_in_use.")
def test_no_retry_after(failures: dict[str, Exchange]) -> None:
    told = failures["a reused key"].header("Retry-After")
    require(told is None, f"Retry-After is {told!r}", failures["a reused key"])


@rule("error.unknown_path", page=ERRORS, says="A path that does not exist is a 404 with the envelope.")
@pytest.mark.parametrize("path", ["/v1/no-such-thing", "/v1/chat", "/v1/models/x/y", "/"])
def test_unknown_path(server: Server, path: str) -> None:
    refused = server.send("GET", path)
    refused.expect(404, 405)
    misfits = contract.misfits("ErrorEnvelope", refused.json)
    require(not misfits, "; ".join(misfits), refused)


@rule("error.unknown_method", page=ERRORS, says="A method that an operation does not have is a 4xx with the envelope.")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_unknown_method(server: Server, method: str) -> None:
    refused = server.send(method, COMPLETIONS)
    refused.expect(404, 405)
    misfits = contract.misfits("ErrorEnvelope", refused.json)
    require(not misfits, "; ".join(misfits), refused)


@rule("header.request_id", page=ERRORS, says="Every answer carries Aurous-Request-Id, `req_...`.")
def test_header_request_id(successes: dict[str, Exchange], failures: dict[str, Exchange]) -> None:
    for name, exchange in {**successes, **failures}.items():
        told = exchange.header("Aurous-Request-Id")
        require(told and told.startswith("req_") and len(told) > 4, f"{name}: {told!r}", exchange)


@rule("header.request_id_unique", page=ERRORS, says="Every request has a request id of its own.")
def test_header_request_id_unique(successes: dict[str, Exchange], failures: dict[str, Exchange]) -> None:
    # Whether a replay repeats the first answer's id is not documented.
    seen: dict[str | None, Exchange] = {}
    for name, exchange in {**successes, **failures}.items():
        if name == "create, replayed":
            continue
        told = exchange.header("Aurous-Request-Id")
        require(told not in seen, f"two requests share {told!r}", exchange, *filter(None, [seen.get(told)]))
        seen[told] = exchange


@rule("header.version", page=CHANGELOG, says="Every answer carries Aurous-Version, a date.")
def test_header_version(successes: dict[str, Exchange], failures: dict[str, Exchange]) -> None:
    for name, exchange in {**successes, **failures}.items():
        told = exchange.header("Aurous-Version")
        require(told and DATED.match(told), f"{name}: {told!r}", exchange)


@rule("header.rate_limit", page=RATE_LIMITS, says="What answers tell of their rates is in whole numbers.")
@pytest.mark.parametrize("name", [*RATE_HEADERS, *TPM_HEADERS])
def test_header_rate_limit(successes: dict[str, Exchange], name: str) -> None:
    for kind, exchange in successes.items():
        told = exchange.header(name)
        require(told is None or told.isdigit(), f"{kind}: {name} is {told!r}", exchange)


@rule("header.rate_limit_remaining", page=RATE_LIMITS, says="No more remains than the bucket holds.")
@pytest.mark.parametrize("names", [RATE_HEADERS[:2], TPM_HEADERS[:2]], ids=["requests", "tokens"])
def test_header_remaining(successes: dict[str, Exchange], names: tuple[str, str]) -> None:
    for kind, exchange in successes.items():
        limit, left = (exchange.header(name) for name in names)
        if limit is None or left is None:
            continue
        require(limit.isdigit() and left.isdigit() and int(left) <= int(limit), f"{kind}: {left} of {limit}", exchange)


@rule(
    "header.rate_limits_told",
    page=RATE_LIMITS,
    says="Which buckets answers tell of (no page lists chat's).",
    observed=True,
)
def test_rate_limits_told(successes: dict[str, Exchange]) -> None:
    told = [name for name in (*RATE_HEADERS, *TPM_HEADERS) if successes["create"].header(name) is not None]
    observe(f"a create tells {', '.join(told) or 'none'}")
