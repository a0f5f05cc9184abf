"""The state of one request: its team, contract version, injected fault, key and rate limits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from aurous_mock.contract.operations import Operation
from aurous_mock.contract.spec import Contract, Contracts
from aurous_mock.errors import APIError
from aurous_mock.http.faults import NO_FAULT, Fault
from aurous_mock.storage.token_bucket import RateLimitInfo

_DATE_LENGTH = 10


@dataclass(slots=True)
class RequestContext:
    """One request. Filled in step by step, so that a request that is refused early has its response headers too."""

    request_id: str
    contract: Contract
    headers: Mapping[str, str]
    team: str | None = None
    fault: Fault = NO_FAULT
    # Scripted faults and answers that may apply, as (number, JSON text).
    scripts: Sequence[tuple[int, str]] = ()
    key: str | None = None
    operation: Operation | None = None
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    body_size: int = 0
    # What the response headers report; tokens only where they are counted.
    requests: RateLimitInfo | None = None
    tokens: RateLimitInfo | None = None
    status: int = 0
    started: bool = False


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by lower-case name; of repeated ones the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def context_of(request: Request) -> RequestContext:
    context: RequestContext = request.scope["aurous.context"]
    return context


def read_credential(headers: Mapping[str, str]) -> str:
    """The API key of a request; `X-Api-Key` wins over `Authorization`. Raises APIError without one."""
    key = headers.get("x-api-key")
    if key:
        return key.strip()
    authorization = headers.get("authorization", "")
    if not authorization:
        raise APIError("missing_api_key", "No API key was sent. Send it as X-Api-Key or as a bearer token.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise APIError("invalid_api_key", "The Authorization header is not a bearer token with an API key.")
    return token.strip()


def read_version(headers: Mapping[str, str], contracts: Contracts) -> Contract:
    """The contract of the version that a request names, by default the current one. Raises APIError if unknown."""
    version = headers.get("aurous-version")
    if version is None:
        return contracts.current
    if not _is_date(version):
        raise APIError("invalid_format", "Aurous-Version must be a date such as 2026-05-15.", param="Aurous-Version")
    contract = contracts.by_version.get(version)
    if contract is None:
        known = ", ".join(sorted(contracts.by_version))
        raise APIError(
            "unknown_version", f"Aurous-Version {version} is not known; known: {known}.", param="Aurous-Version"
        )
    return contract


def _is_date(text: str) -> bool:
    if len(text) != _DATE_LENGTH or not text.isascii():
        return False
    year, month, day = text[:4], text[5:7], text[8:]
    return text[4] == text[7] == "-" and year.isdigit() and month.isdigit() and day.isdigit()
