"""Runs schemathesis on the contract: how many examples, which checks, and how its failures are reported."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import httpx
import hypothesis
import requests
import schemathesis
from aurous_mock.contract import event_schemas
from aurous_mock.contract.document import Document
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response

from harness import contract
from harness.client.api_client import COMPLETIONS, ApiClient
from harness.client.charges import charged_credits
from harness.client.exchange import Exchange
from harness.generation.as_sent import is_valid_as_sent
from harness.generation.request_normalizer import is_streamed, is_tolerated, media_in, normalize_body, normalize_headers
from harness.settings import Profile
from harness.violations import RuleViolation

# Examples for each operation beyond the documented ones and the systematic ones of the coverage phase.
FUZZING_EXAMPLES = {Profile.QUICK: 0, Profile.DEFAULT: 25, Profile.THOROUGH: 400}
STATEFUL_EXAMPLES = {Profile.QUICK: 5, Profile.DEFAULT: 15, Profile.THOROUGH: 100}
STEPS = 6
# Credits that a call counts as until its receipt is there, and without one, where only the server knows its price.
UNKNOWN_PRICE = 1.0
# A server may be slow.
SUPPRESSED_HEALTH_CHECKS = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much]

# Left to rules of their own: authentication, which costs a second request after every success; methods and headers,
# where the documentation is silent.
EXCLUDED = (
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
    "use_after_free",
)
QUESTION = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "enum": ["a chat model"]},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "role": {"enum": ["user"]},
                    "content": {"type": "string", "minLength": 1, "maxLength": 40},
                },
                "required": ["role", "content"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": 1,
        },
    },
    "required": ["model", "messages"],
    "additionalProperties": False,
}
# A path with characters that proxies refuse on their own.
ENCODED = re.compile(r"/v1/\S*%")
REQUEST_ARGUMENTS = ("method", "url", "headers", "params", "data", "files", "json", "cookies")


def configuration(profile: Profile, seed: int) -> schemathesis.Config:
    """Repeatable settings, without a database of earlier runs."""
    fuzzed = FUZZING_EXAMPLES[profile]
    generation = {
        "no-shrink": profile is Profile.QUICK,
        "database": "none",
        "codec": "utf-8",
        "allow-x00": False,
        "with-security-parameters": False,
    }
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "cache": {"enabled": False},
            "warnings": False,
            "max-stream-events": 5000,
            "checks": {name: {"enabled": False} for name in EXCLUDED},
            "generation": {**generation, "max-examples": max(fuzzed, 1)},
            "phases": {
                "coverage": {"unexpected-methods": []},
                "fuzzing": {"enabled": fuzzed > 0},
                "stateful": {
                    "max-steps": STEPS,
                    "generation": {**generation, "max-examples": STATEFUL_EXAMPLES[profile]},
                },
            },
        }
    )


def load(profile: Profile, seed: int) -> Any:
    """The contract as a schemathesis schema."""
    return schemathesis.openapi.from_dict(_document(), config=configuration(profile, seed))


def _document() -> dict[str, Any]:
    """A copy of the contract, in which event streams have the schema of whole events."""
    document = deepcopy(contract.document())
    for path, method, _, _, operation in Document(contract.document()).operations():
        for status in operation.get("responses", {}):
            if str(status).startswith("2"):
                responses = document["paths"][path][method]["responses"]
                responses[status] = _with_event_fields(deepcopy(contract.follow(responses[status])))
    return document


def _with_event_fields(response: dict[str, Any]) -> dict[str, Any]:
    """A response whose event stream has the schema of whole events, which is what schemathesis validates them by."""
    media = response.get("content", {}).get("text/event-stream")
    if media is not None and "schema" in media:
        document = Document(contract.document())
        schema = media["schema"]
        if event_schemas.is_of_data(document, schema):
            is_text = document.types(schema) == {"string"} and "enum" not in contract.resolve(schema)
            data = schema if is_text else {"contentMediaType": "application/json", "contentSchema": schema}
            media["schema"] = {"type": "object", "required": ["data"], "properties": {"data": data}}
    return response


def load_links(profile: Profile, seed: int) -> Any:
    """The contract with creates that differ only in their text.

    What may be asked for is explored operation by operation; generating whole bodies takes longer than following links.
    """
    document = _document()
    document["paths"][COMPLETIONS]["post"]["requestBody"]["content"] = {"application/json": {"schema": QUESTION}}
    return schemathesis.openapi.from_dict(document, config=configuration(profile, seed))


def check_case(case: Any, api: ApiClient, accepted: set[str]) -> None:
    """Send a generated case, normalized, and require everything that the contract says of its response.

    A request that was accepted once is not sent again: normalized, many cases are the same. `accepted` remembers them.
    """
    normalize_case(case, api)
    sent = json.dumps(_identity(case), sort_keys=True, default=str)
    if sent in accepted:
        return
    response, exchange = send(case, api)
    validate(case, response, exchange)
    if 200 <= exchange.status < 300:
        accepted.add(sent)


def _identity(case: Any) -> list[Any]:
    """What makes a case another request than others: the value of a fresh idempotency key does not."""
    headers = {name: "" if name == "Idempotency-Key" else str(value) for name, value in case.headers.items()}
    return [case.operation.label, case.path_parameters, case.query, headers, case.body]


def follow_links(schema: Any, api: ApiClient) -> None:
    """Follow the links between operations, from the response of one to the request of the next."""

    class LinkMachine(schema.as_state_machine()):  # type: ignore[misc]
        """Cases are sent and validated as everywhere else; only completions that are not streamed have links."""

        def call(self, case: Any, **_: Any) -> Any:
            if is_streamed(case.body):
                case.body = {**case.body, "stream": False}
            normalize_case(case, api)
            return send(case, api)[0]

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            validate(case, response, api.recorder.exchanges[-1])

    budget = hypothesis.settings(
        max_examples=STATEFUL_EXAMPLES[api.settings.profile],
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        suppress_health_check=SUPPRESSED_HEALTH_CHECKS,
        phases=phases(api.settings.profile),
    )
    hypothesis.seed(api.settings.seed)(LinkMachine).run(settings=budget)


def phases(profile: Profile) -> list[hypothesis.Phase]:
    """What Hypothesis does with a failure: a quick run reports the first, others the smallest."""
    quick = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    return quick if profile is Profile.QUICK else [*quick, hypothesis.Phase.shrink]


def normalize_case(case: Any, api: ApiClient) -> None:
    headers = normalize_headers(dict(case.headers or {}), api.settings.api_version, _target(case))
    if case.operation.label.startswith("GET") or case.operation.label.endswith("/cancel"):
        headers.pop("Idempotency-Key", None)
    case.headers = headers
    if _creates_completion(case):
        is_thorough = api.settings.profile is Profile.THOROUGH
        keeps_pictures = is_thorough and not (media_in(case.body) and api.media_refusal("image_url"))
        case.body = normalize_body(case.body, api.model, keeps_pictures=keeps_pictures)


def _target(case: Any) -> str | None:
    """The parameter that a case is about."""
    return getattr(case.meta.phase.data, "parameter", None) if case.meta is not None else None


def ceiling(case: Any, api: ApiClient) -> float | None:
    """What to reserve for a case: the most that a completion may cost, and None for an operation that is free."""
    if _creates_completion(case):
        return api.rates.ceiling(case.body)
    is_charged = contract.charge_of(case.operation.method, case.operation.path) is not None
    return UNKNOWN_PRICE if is_charged else None


def _creates_completion(case: Any) -> bool:
    """Whether a case is of the one operation whose well-formed requests a server may refuse."""
    return bool(case.operation.label == f"POST {COMPLETIONS}")


def send(case: Any, api: ApiClient) -> tuple[Response, Exchange]:
    """Send a normalized case, and pay for it, through the suite's own client."""
    arguments = case.as_transport_kwargs(base_url=api.settings.base_url, headers={"X-Api-Key": api.api_key})
    prepared = requests.Request(**{name: arguments.get(name) for name in REQUEST_ARGUMENTS}).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    assert body is None or isinstance(body, bytes), "schemathesis prepares whole bodies"
    headers = [(name.encode("latin-1"), _header_bytes(value)) for name, value in prepared.headers.items()]
    request = httpx.Request(str(prepared.method), str(prepared.url), headers=headers, content=body)
    with api.spend_limit.reserve(ceiling(case, api)) as charge:
        exchange = api.send_request(request)
        charge.credits = charged_credits(exchange)
    if not exchange.status:
        raise RuleViolation(f"there was {exchange.outcome}", exchange)
    return as_schemathesis_response(exchange, prepared), exchange


def as_schemathesis_response(exchange: Exchange, request: requests.PreparedRequest) -> Response:
    headers: dict[str, list[str]] = {}
    for name, value in exchange.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    return Response(
        exchange.status, headers, exchange.canonical_body, request, exchange.seconds, verify=True, encoding="utf-8"
    )


def _header_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def validate(case: Any, response: Any, exchange: Exchange) -> None:
    """Raise RuleViolation for whatever schemathesis finds, in its words, and for what its checks cannot see."""
    if exchange.is_from_proxy and exchange.status < 500 and ENCODED.search(exchange.url):
        # A proxy does not route such a path, so that the API has not answered.
        return
    try:
        case.validate_response(response)
    except FailureGroup as group:
        failures = [failure for failure in group.exceptions if not _excused(failure, case, exchange)]
        if failures:
            raise RuleViolation("; ".join(_describe_failure(failure) for failure in failures), exchange) from None
    if exchange.status >= 400:
        schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json)
        if schema_errors:
            raise RuleViolation(f"the error's envelope: {'; '.join(schema_errors)}", exchange)
        if exchange.at("error", "request_id") != exchange.header("Aurous-Request-Id"):
            raise RuleViolation("error.request_id is not the header Aurous-Request-Id", exchange)
    if is_streamed(case.body) and exchange.status == 200 and exchange.media_type != "text/event-stream":
        raise RuleViolation(f"a stream was requested, and the response is {exchange.media_type}", exchange)


def _excused(failure: Any, case: Any, exchange: Exchange) -> bool:
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        # A link may carry a value to a parameter that does not allow it.
        return not _creates_completion(case) and not is_valid_as_sent(exchange)
    if kind != "AcceptedNegativeData":
        return False
    if _creates_completion(case):
        return isinstance(case.body, dict) and is_tolerated(case.body)
    # Which versions there are is not in the contract.
    return (_target(case) or "").lower() != "aurous-version" and is_valid_as_sent(exchange)


def _describe_failure(failure: Any) -> str:
    detail = " ".join(str(failure.message).split())
    return f"{failure.title}: {detail[:300]}" if detail else str(failure.title)
