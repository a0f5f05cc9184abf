"""What must hold for the headers of every response, on every status, checked for all exchanges of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.client.exchange import Exchange

DATED = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
REQUEST_ID = "header.request_id"
REQUEST_ID_UNIQUE = "header.request_id_unique"
ERROR_REQUEST_ID = "error.request_id"
VERSION = "header.version"
RATE_LIMIT = "header.rate_limit"
REMAINING = "header.rate_limit_remaining"
FAMILIES = ("X-RateLimit", "X-RateLimit-TPM")
PARTS = ("Limit", "Remaining", "Reset")
MAX_KEPT = 3


@dataclass
class HeaderChecks:
    """Violations of the header rules, by rule; of each rule the first few are kept."""

    inspected: int = 0
    violations: dict[str, list[tuple[str, Exchange]]] = field(default_factory=dict)
    _seen: dict[str, Exchange] = field(default_factory=dict)

    def inspect(self, exchange: Exchange) -> None:
        if not is_api_response(exchange):
            return
        self.inspected += 1
        for rule, message in (*self._request_id(exchange), *_version(exchange), *_rate_limits(exchange)):
            kept = self.violations.setdefault(rule, [])
            if len(kept) < MAX_KEPT:
                kept.append((f"{exchange.method} answered {exchange.outcome}: {message}", exchange))

    def _request_id(self, exchange: Exchange) -> Iterator[tuple[str, str]]:
        request_id = exchange.header("Aurous-Request-Id")
        if not request_id or not request_id.startswith("req_") or len(request_id) <= 4:
            yield REQUEST_ID, f"Aurous-Request-Id is {request_id!r}"
            return
        # Whether a replay repeats the request id of the first response is not documented.
        if exchange.header("Aurous-Idempotent-Replayed") != "true":
            if request_id in self._seen:
                yield REQUEST_ID_UNIQUE, f"an earlier request had Aurous-Request-Id {request_id!r} too"
            self._seen[request_id] = exchange
        stated = _error(exchange).get("request_id")
        if exchange.status >= 400 and stated != request_id:
            yield ERROR_REQUEST_ID, f"error.request_id is {stated!r} and the header {request_id!r}"


def is_api_response(exchange: Exchange) -> bool:
    """Whether the API itself answered, and not a proxy in front of it that knows nothing of its headers."""
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


def _version(exchange: Exchange) -> Iterator[tuple[str, str]]:
    version = exchange.header("Aurous-Version")
    if not version or not DATED.match(version):
        yield VERSION, f"Aurous-Version is {version!r}"


def _rate_limits(exchange: Exchange) -> Iterator[tuple[str, str]]:
    for family in FAMILIES:
        values = {part: exchange.header(f"{family}-{part}") for part in PARTS}
        for part, value in values.items():
            if value is not None and not value.isdigit():
                yield RATE_LIMIT, f"{family}-{part} is {value!r}"
        limit, left = values["Limit"], values["Remaining"]
        if limit and left and limit.isdigit() and left.isdigit() and int(left) > int(limit):
            yield REMAINING, f"{family}-Remaining is {left}, and {family}-Limit {limit}"
