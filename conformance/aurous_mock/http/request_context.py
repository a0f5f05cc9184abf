"""What is known of one request while it is answered: who asks, by which version, with which fault; answers none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from aurous_mock.contract.spec import Contract, Contracts
from aurous_mock.http.errors import Refused
from aurous_mock.http.faults import NO_FAULT, Fault
from aurous_mock.http.rate_limits import Gauge

_DATE_LENGTH = 10


@dataclass(slots=True)
class Exchange:
    """One request. Filled in step by step, so that even a request refused at the door is answered in full."""

    request_id: str
    contract: Contract
    headers: Mapping[str, str]
    team: str | None = None
    fault: Fault = NO_FAULT
    key: str | None = None
    # The buckets as the answer reports them; tokens only where they are counted.
    requests: Gauge | None = None
    tokens: Gauge | None = None
    status: int = 0
    started: bool = False


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by their lower-case names, as ASGI servers give them; of equal ones the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def exchange_of(request: Request) -> Exchange:
    exchange: Exchange = request.scope["aurous.exchange"]
    return exchange


def read_credential(headers: Mapping[str, str]) -> str:
    """The API key of a request, from either header; `X-Api-Key` goes first when both are there."""
    key = headers.get("x-api-key")
    if key:
        return key.strip()
    authorization = headers.get("authorization", "")
    if not authorization:
        raise Refused("missing_api_key", "No API key was sent. Send it as X-Api-Key or as a bearer token.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("invalid_api_key", "The Authorization header is not a bearer token with an API key.")
    return token.strip()


def read_version(headers: Mapping[str, str], contracts: Contracts) -> Contract:
    """The contract that a request asks for; the current one when it names none."""
    version = headers.get("aurous-version")
    if version is None:
        return contracts.current
    if not _is_date(version):
        raise Refused("invalid_format", "Aurous-Version must be a date such as 2026-05-15.", param="Aurous-Version")
    contract = contracts.by_version.get(version)
    if contract is None:
        known = ", ".join(sorted(contracts.by_version))
        raise Refused(
            "unknown_version", f"Aurous-Version {version} is not known; known: {known}.", param="Aurous-Version"
        )
    return contract


def _is_date(text: str) -> bool:
    if len(text) != _DATE_LENGTH or not text.isascii():
        return False
    year, month, day = text[:4], text[5:7], text[8:]
    return text[4] == text[7] == "-" and year.isdigit() and month.isdigit() and day.isdigit()
