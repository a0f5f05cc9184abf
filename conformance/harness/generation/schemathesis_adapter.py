"""Owns how schemathesis explores the contract: what it generates, which checks apply, how its finds are told."""

from __future__ import annotations

from typing import Any

import hypothesis
import schemathesis
from requests import RequestException
from schemathesis.core.failures import FailureGroup

from harness import contract
from harness.client.api_client import COMPLETIONS, Server
from harness.client.charges import charge
from harness.client.exchange import Exchange
from harness.generation.request_normalizer import is_excusable, is_streamed, temper, temper_headers
from harness.settings import Profile
from harness.violations import Breach

# Examples for each operation beyond the documented ones and the systematic ones of the coverage phase.
FUZZED = {Profile.QUICK: 0, Profile.DEFAULT: 25, Profile.THOROUGH: 400}
WALKS = {Profile.QUICK: 5, Profile.DEFAULT: 15, Profile.THOROUGH: 100}
STEPS = 6
# A server may take its time; that is not a fault of the test.
UNHURRIED = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much]

# Left to rules of their own: authentication, which costs a second request after every success; methods and headers,
# where the documentation is silent.
EXCLUDED = (
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
    "use_after_free",
)
SENT_WITHIN = 30


def configuration(profile: Profile, seed: int) -> schemathesis.Config:
    """Repeatable, and without a memory of earlier runs."""
    fuzzed = FUZZED[profile]
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
                "stateful": {"max-steps": STEPS, "generation": {**generation, "max-examples": WALKS[profile]}},
            },
        }
    )


def load(profile: Profile, seed: int) -> Any:
    """The contract as schemathesis knows it."""
    return schemathesis.openapi.from_path(contract.CHOSEN.spec, config=configuration(profile, seed))


def try_case(case: Any, server: Server) -> Exchange:
    """Send a generated case, made fair, and require everything that the contract says of its answer."""
    response, exchange = send(case, server)
    validate(case, response, exchange)
    return exchange


def walk(schema: Any, server: Server) -> None:
    """Follow the links between operations, from what one answers to what the next is asked."""

    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        """Cases are sent and judged as everywhere else; only completions that are not streamed have links."""

        def call(self, case: Any, **_: Any) -> Any:
            if is_streamed(case.body):
                case.body = {**case.body, "stream": False}
            return send(case, server)[0]

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            validate(case, response, server.recorder.exchanges[-1])

    budget = hypothesis.settings(
        max_examples=WALKS[server.settings.profile],
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        suppress_health_check=UNHURRIED,
        phases=phases(server.settings.profile),
    )
    hypothesis.seed(server.settings.seed)(Walk).run(settings=budget)


def phases(profile: Profile) -> list[hypothesis.Phase]:
    """What Hypothesis does with a failure: a quick run tells the first one it meets, others the smallest."""
    quick = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    return quick if profile is Profile.QUICK else [*quick, hypothesis.Phase.shrink]


def make_fair(case: Any, server: Server) -> None:
    aim = getattr(case.meta.phase.data, "parameter", None) if case.meta is not None else None
    headers = temper_headers(dict(case.headers or {}), server.settings.api_version, aim)
    if case.operation.label.startswith("GET") or case.operation.label.endswith("/cancel"):
        headers.pop("Idempotency-Key", None)
    case.headers = headers
    if isinstance(case.body, dict):
        case.body = temper(case.body, server.model)


def ceiling(case: Any, server: Server) -> float | None:
    """The most that a case may cost; only creating costs anything."""
    return server.rates.ceiling(case.body) if case.operation.label == f"POST {COMPLETIONS}" else None


def send(case: Any, server: Server) -> tuple[Any, Exchange]:
    """Send a case, made fair and paid for; a 429 is asked again, as often as the server's patience says."""
    make_fair(case, server)
    response, exchange = _send_once(case, server)
    for _ in range(server.patience):
        if not server.waited(exchange):
            break
        response, exchange = _send_once(case, server)
    return response, exchange


def _send_once(case: Any, server: Server) -> tuple[Any, Exchange]:
    headers = {"X-Api-Key": server.api_key}
    try:
        with server.purse.paying(ceiling(case, server)) as bill:
            response = case.call(base_url=server.settings.base_url, headers=headers, timeout=SENT_WITHIN)
            exchange = recorded(case, server, response)
            bill.charged = charge(exchange)
        return response, exchange
    except RequestException as error:
        exchange = Exchange(case.method, server.settings.base_url + case.formatted_path, fault=type(error).__name__)
        server.recorder.add(exchange)
        raise Breach(f"no answer came ({exchange.fault})", exchange) from None


def recorded(case: Any, server: Server, response: Any) -> Exchange:
    request = response.request
    body = request.body or b""
    exchange = Exchange(
        method=request.method,
        url=request.url,
        sent_headers={name: server.redact(str(value)) for name, value in request.headers.items()},
        sent=body if isinstance(body, bytes) else body.encode(),
        status=response.status_code,
        headers={name: ", ".join(values) for name, values in response.headers.items()},
        body=response.content,
        seconds=response.elapsed,
    )
    server.recorder.add(exchange)
    return exchange


def validate(case: Any, response: Any, exchange: Exchange) -> None:
    """Breach on whatever schemathesis finds, told in its words, and on what its checks cannot see."""
    try:
        case.validate_response(response)
    except FailureGroup as group:
        found = [failure for failure in group.exceptions if not _excused(failure, case)]
        if found:
            raise Breach("; ".join(_told(failure) for failure in found), exchange) from None
    if exchange.status >= 400:
        misfits = contract.misfits("ErrorEnvelope", exchange.json)
        if misfits:
            raise Breach(f"the error's envelope: {'; '.join(misfits)}", exchange)
        if exchange.at("error", "request_id") != exchange.header("Aurous-Request-Id"):
            raise Breach("error.request_id is not the header Aurous-Request-Id", exchange)
    if is_streamed(case.body) and exchange.status == 200 and exchange.media_type != "text/event-stream":
        raise Breach(f"a stream was asked for, and {exchange.media_type} came", exchange)


def _excused(failure: Any, case: Any) -> bool:
    return type(failure).__name__ == "AcceptedNegativeData" and isinstance(case.body, dict) and is_excusable(case.body)


def _told(failure: Any) -> str:
    detail = " ".join(str(failure.message).split())
    return f"{failure.title}: {detail[:300]}" if detail else str(failure.title)
