"""Headers: what must hold for the headers of every response, whatever its status."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.checks.check import Findings
from harness.client.exchange import Exchange
from harness.rules import CHANGELOG, ERROR_GUIDE, ERRORS, RATE_LIMITS

DATED = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
REQUEST_ID = "header.request_id"
REQUEST_ID_UNIQUE = "header.request_id_unique"
ERROR_REQUEST_ID = "error.request_id"
VERSION = "header.version"
RATE_LIMIT = "header.rate_limit"
RATE_LIMIT_EVERYWHERE = "header.rate_limit_everywhere"
TPM_EVERYWHERE = "header.rate_limit_tpm_everywhere"
REMAINING = "header.rate_limit_remaining"
MEDIA_TYPE = "error.media_type"
FAMILIES = ("X-RateLimit", "X-RateLimit-TPM")
PARTS = ("Limit", "Remaining", "Reset")
TPM_PAGE = "api-reference/errors/tpm_rate_limit_exceeded"

HEADER_RULES = [
    (REQUEST_ID, ERRORS, "Every response carries Aurous-Request-Id, `req_...`."),
    (REQUEST_ID_UNIQUE, ERRORS, "Every request has a request id of its own."),
    (ERROR_REQUEST_ID, ERRORS, "`error.request_id` is equal to the header Aurous-Request-Id."),
    (VERSION, CHANGELOG, "Every response carries Aurous-Version, a date."),
    (RATE_LIMIT, RATE_LIMITS, "The numbers of rate limit headers are whole."),
    (RATE_LIMIT_EVERYWHERE, RATE_LIMITS, "A server that sends rate limits sends them on every response."),
    (TPM_EVERYWHERE, TPM_PAGE, "A server that sends token rates sends them on every completion that it creates."),
    (REMAINING, RATE_LIMITS, "No more remains of a rate limit than the limit."),
    (MEDIA_TYPE, ERROR_GUIDE, "Errors are JSON, on streams too."),
]
# Whether rate limits are sent before the team is known, or where nothing is routed, is not documented.
LIMITED_STATUSES = frozenset({200, 400, 404, 409, 422})
LIMITED_PATHS = re.compile(r"/v1/(chat/completions(/[^/]+(/cancel)?)?|models|balance)\Z")


@dataclass
class HeaderChecks:
    """Checks the headers of one exchange after another, and compares those of several."""

    _by_request_id: dict[str, Exchange] = field(default_factory=dict)
    _with_limits: dict[str, bool] = field(default_factory=dict)
    _without_limits: dict[str, Exchange] = field(default_factory=dict)

    def inspect(self, exchange: Exchange, findings: Findings) -> None:
        if not is_api_response(exchange):
            return
        for rule, _, _ in HEADER_RULES:
            findings.count(rule)
        problems = (
            *self._request_id(exchange),
            *_version(exchange),
            *_rate_limits(exchange),
            *self._everywhere(exchange),
            *_media_type(exchange),
        )
        for rule, message, shown in problems:
            findings.add(rule, f"{exchange.method} answered {exchange.outcome}: {message}", shown)

    def _request_id(self, exchange: Exchange) -> Iterator[tuple[str, str, Exchange]]:
        request_id = exchange.header("Aurous-Request-Id")
        if not request_id or not request_id.startswith("req_") or len(request_id) <= 4:
            yield REQUEST_ID, f"Aurous-Request-Id is {request_id!r}", exchange
            return
        # Whether a replay repeats the request id of the first response is not documented.
        if exchange.header("Aurous-Idempotent-Replayed") != "true":
            if request_id in self._by_request_id:
                yield REQUEST_ID_UNIQUE, f"an earlier request had Aurous-Request-Id {request_id!r} too", exchange
            self._by_request_id[request_id] = exchange
        stated = _error(exchange).get("request_id")
        if exchange.status >= 400 and stated != request_id:
            yield ERROR_REQUEST_ID, f"error.request_id is {stated!r} and the header {request_id!r}", exchange

    def _everywhere(self, exchange: Exchange) -> Iterator[tuple[str, str, Exchange]]:
        """Compare responses with each other: a server may send no rate limits at all."""
        for rule, family, is_limited in (
            (RATE_LIMIT_EVERYWHERE, FAMILIES[0], _is_limited(exchange)),
            (TPM_EVERYWHERE, FAMILIES[1], _is_created(exchange)),
        ):
            if not is_limited:
                continue
            missing = [part for part in PARTS if exchange.header(f"{family}-{part}") is None]
            if not missing:
                self._with_limits[rule] = True
            elif rule not in self._without_limits:
                self._without_limits[rule] = exchange
            if self._with_limits.get(rule) and (first := self._without_limits.pop(rule, None)) is not None:
                yield rule, f"{family}-* are on other responses, and not on {first.method} {first.outcome}", first


def _is_limited(exchange: Exchange) -> bool:
    """Whether this response is documented to have the headers of rate limits."""
    known = LIMITED_PATHS.search(exchange.url.partition("?")[0]) is not None
    return known and exchange.status in LIMITED_STATUSES and _error(exchange).get("param") != "Aurous-Version"


def _is_created(exchange: Exchange) -> bool:
    return exchange.status == 200 and exchange.method == "POST" and exchange.url.endswith("/v1/chat/completions")


def is_api_response(exchange: Exchange) -> bool:
    """Whether the API itself answered, and not a proxy in front of it, which does not send these headers."""
    if not exchange.status or "/v1/" not in exchange.url:
        return False
    return exchange.status < 400 or bool(_error(exchange))


def _error(exchange: Exchange) -> dict[str, object]:
    if exchange.status < 400:
        return {}
    try:
        error = json.loads(exchange.body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}


def _version(exchange: Exchange) -> Iterator[tuple[str, str, Exchange]]:
    version = exchange.header("Aurous-Version")
    if not version or not DATED.match(version):
        yield VERSION, f"Aurous-Version is {version!r}", exchange


def _rate_limits(exchange: Exchange) -> Iterator[tuple[str, str, Exchange]]:
    for family in FAMILIES:
        values = {part: exchange.header(f"{family}-{part}") for part in PARTS}
        for part, value in values.items():
            if value is not None and not value.isdigit():
                yield RATE_LIMIT, f"{family}-{part} is {value!r}", exchange
        limit, left = values["Limit"], values["Remaining"]
        if limit and left and limit.isdigit() and left.isdigit() and int(left) > int(limit):
            yield REMAINING, f"{family}-Remaining is {left}, and {family}-Limit {limit}", exchange


def _media_type(exchange: Exchange) -> Iterator[tuple[str, str, Exchange]]:
    if exchange.status >= 400 and exchange.media_type != "application/json":
        yield MEDIA_TYPE, f"the content type is {exchange.media_type!r}", exchange
