"""A hostile caller of the mock: what schemathesis makes of the contract, good and bad, in process. Judges the answers.

The first rounds go through the documented examples and what schemathesis calls coverage: each limit, and one step
beyond it. All of them draw. In every second one the model and the version are those that exist, since what is made up
is refused before anything else is looked at.

It alone follows the contract, all of it: what a new operation or limit takes is sent without a line written here. What
the contract leaves open, as schemas for tools, is for conformance/selftest/mock/requesting.py.
"""

from __future__ import annotations

import functools
import io
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hypothesis
import schemathesis
import yaml
from aurous_mock.server.application import Application
from aurous_mock.server.settings import DEFAULT_KEY, Settings
from resilience.report import Finding, Verdict, some
from schemathesis.engine import events, from_schema
from schemathesis.generation import GenerationMode

SPEC: Final = Path(__file__).resolve().parents[2] / "openapi.yaml"
CREATE: Final = "createChatCompletion"
MODEL: Final = "aurous-grow-2.0-pro"
# Cases of one round and mode: of the operation that has a body, and of each other.
_DRAWN, _DRAWN_OF_OTHERS = 400, 1_200
# What goes through limits goes through the same ones each time, but for the model and the version.
_LOADS: Final = 2
# Seconds that an answer may take. In process there is nothing to wait for; the machine may be busy.
_LONGEST: Final = 10.0
# As the API answers a failure of its own, which nobody asked for here.
_SERVER_ERROR: Final = 500

# A machine may be busy; what is drawn may be large.
_UNHURRIED: Final[Any] = list(hypothesis.HealthCheck)


@dataclass
class Evidence:
    """What was seen of the mock."""

    seed: int
    statuses: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    """How many cases each phase and mode had."""
    failures: list[str] = field(default_factory=list)
    """Answers of 500 and above, and cases without an answer."""
    troubles: list[str] = field(default_factory=list)
    """What kept schemathesis from its work."""
    log: str = ""
    slowest: float = 0.0
    seconds: float = 0.0

    requests: set[int] = field(default_factory=set)
    """A number for each request that differs from the others."""

    @property
    def cases(self) -> int:
        return self.phases.total()


def run(cases: int, seed: int, say: Callable[[str], None] = lambda _: None, application: Any = None) -> Evidence:
    """Send so many cases, or a few more. application: an ASGI application in the mock's place"""
    found, began = Evidence(seed), time.monotonic()
    application = application or Application(Settings(access_log=False, seed=seed)).asgi
    log = io.StringIO()
    with redirect_stderr(log):
        for round_ in itertools.count():
            schema = _loaded(application, seed + round_, is_real=round_ % 2 == 1)
            if round_ < _LOADS:
                _go_through(found, schema)
            for strategy, most in _strategies(schema):
                left = cases - found.cases
                if left > 0:
                    _draw(found, strategy, min(most, left), seed + round_)
                    say(f"{found.cases:,} of {cases:,} cases; {', '.join(_each(found.statuses))}")
            if found.cases >= cases or found.troubles:
                break
    found.log, found.seconds = log.getvalue(), time.monotonic() - began
    return found


def judge(found: Evidence) -> Verdict:
    """Whether the mock took it all."""
    traces = found.log.count("Traceback")
    return Verdict(
        f"{found.cases:,} cases of a hostile caller, seed {found.seed}",
        {
            "seconds": round(found.seconds, 1),
            "different requests": len(found.requests),
            "cases": dict(sorted(found.phases.items())),
            "answers": dict(sorted(found.statuses.items())),
        },
        [
            Finding("each case was answered, and none by a 5xx", not found.failures, some(found.failures)),
            Finding("the log has no traceback", not traces, f"{traces} tracebacks"),
            Finding(f"each answer came within {_LONGEST:g} s", found.slowest < _LONGEST, f"{found.slowest:.2f} s"),
            Finding("schemathesis could do its work", not found.troubles, some(found.troubles)),
        ],
    )


def _loaded(application: Any, seed: int, *, is_real: bool = False) -> Any:
    """The contract, repeatable, and without a memory of earlier runs. is_real: model and version are those there are"""
    told: dict[str, Any] = {
        "seed": seed,
        "cache": {"enabled": False},
        "warnings": False,
        "continue-on-failure": True,
        "headers": {"X-Api-Key": DEFAULT_KEY},
        "max-stream-events": 10_000,
        "checks": {"enabled": False, "not_a_server_error": {"enabled": True}},
        "generation": {"database": "none", "no-shrink": True, "mode": "all"},
        "phases": {"fuzzing": {"enabled": False}, "stateful": {"enabled": False}},
    }
    if is_real:
        told["parameters"] = {"header.Aurous-Version": _version()}
        told["operations"] = [{"include-operation-id": CREATE, "parameters": {"body.model": MODEL}}]
    schema = schemathesis.openapi.from_path(SPEC, config=schemathesis.Config.from_dict(told))
    schema.app = application
    return schema


@functools.cache
def _version() -> str:
    version: str = yaml.safe_load(SPEC.read_text(encoding="utf-8"))["info"]["version"]
    return version


def _go_through(found: Evidence, schema: Any) -> None:
    """The examples, and each limit with what is beyond it."""
    for event in from_schema(schema).execute():
        if isinstance(event, (events.NonFatalError, events.FatalError)):
            found.troubles.append(" ".join(str(getattr(event, "info", None) or event).split())[:300])
        elif isinstance(event, events.ScenarioFinished):
            for name, exchange in event.recorder.interactions.items():
                _take(found, event.phase.value.lower(), event.recorder.cases[name].value, exchange.response)


def _strategies(schema: Any) -> Iterator[tuple[Any, int]]:
    """What to draw from in a round, valid cases and others, and how many."""
    for each in schema.get_all_operations():
        operation = each.ok()
        most = _DRAWN if operation.definition.raw.get("operationId") == CREATE else _DRAWN_OF_OTHERS
        for mode in GenerationMode:
            yield operation.as_strategy(generation_mode=mode), most


def _draw(found: Evidence, strategy: Any, most: int, seed: int) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=most,
        # Not towards what is accepted, which schemathesis would have it look for: that takes most of the time.
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=_UNHURRIED,
    )
    @hypothesis.given(strategy)
    def send(case: Any) -> None:
        try:
            response = case.call(headers={"X-Api-Key": DEFAULT_KEY})
        except Exception as error:
            found.failures.append(f"{type(error).__name__} of {case.as_curl_command()[:2000]}")
            response = None
        _take(found, "drawn", case, response)

    send()


def _take(found: Evidence, phase: str, case: Any, response: Any) -> None:
    found.requests.add(hash(repr((case.method, case.path_parameters, case.headers, case.query, case.body))))
    mode = case.meta.generation.mode.value if case.meta else "neither"
    found.phases[f"{phase}, {mode}"] += 1
    found.statuses[str(response.status_code) if response else "none"] += 1
    if response is None or response.status_code >= _SERVER_ERROR:
        found.failures.append(case.as_curl_command()[:2000])
    else:
        found.slowest = max(found.slowest, response.elapsed)


def _each(statuses: Counter[str]) -> Iterator[str]:
    for status, count in sorted(statuses.items()):
        yield f"{count:,} x {status}"
