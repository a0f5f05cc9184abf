"""Fuzzes the mock in process with what schemathesis generates from the spec, valid and invalid.

The first rounds send the documented examples and schemathesis' coverage phase: each bound, and one step beyond it. All
rounds draw random requests. Every second round uses a model and a version that exist, since unknown ones are refused
before anything else is validated. A new operation of the spec is fuzzed without a change here.
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
from aurous_mock.server.application import Application
from aurous_mock.settings import DEFAULT_KEY, Settings
from generator import yaml_loader
from resilience.report import Check, RunReport, summarize
from schemathesis.engine import events, from_schema
from schemathesis.generation import GenerationMode

SPEC: Final = Path(__file__).resolve().parents[2] / "openapi.yaml"
CREATE: Final = "createChatCompletion"
MODEL: Final = "aurous-grow-2.0-pro"
# Cases of one round and mode: of the operation with a body, and of each other.
_DRAWN_CHAT, _DRAWN_OF_OTHERS = 400, 1_200
_DRAWN_AT_LEAST = 5
# Examples and coverage are the same in each round, but for the model and the version.
_LOADS: Final = 2
# Seconds that a response may take. In process there is nothing to wait for; the machine may be busy.
_LONGEST: Final = 10.0
# The lowest status of a server error.
_SERVER_ERROR: Final = 500

# The machine may be busy, and examples may be large.
_NO_HEALTH_CHECKS: Final[Any] = list(hypothesis.HealthCheck)


@dataclass
class Result:
    """What the run observed."""

    seed: int
    statuses: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    """The number of cases of each phase and mode."""
    failures: list[str] = field(default_factory=list)
    """Responses of 500 and above, and cases without a response."""
    tool_errors: list[str] = field(default_factory=list)
    """Errors of schemathesis itself."""
    log: str = ""
    slowest: float = 0.0
    seconds: float = 0.0

    requests: set[int] = field(default_factory=set)
    """A hash of each distinct request."""

    @property
    def cases(self) -> int:
        return self.phases.total()


def run(cases: int, seed: int, on_progress: Callable[[str], None] = lambda _: None, application: Any = None) -> Result:
    """Send at least this many cases. application: an ASGI application in place of the mock"""
    result, began = Result(seed), time.monotonic()
    application = application or Application(Settings(access_log=False, seed=seed)).asgi
    log = io.StringIO()
    with redirect_stderr(log):
        for round_ in itertools.count():
            schema = _load_schema(application, seed + round_, use_known_values=round_ % 2 == 1)
            if round_ < _LOADS:
                _run_phases(result, schema)
            for strategy, most in _strategies(schema):
                # The phases before grow with the spec, and may be as many as all: some are drawn all the same.
                left = max(cases - result.cases, 0 if round_ else _DRAWN_AT_LEAST)
                if left > 0:
                    _draw_cases(result, strategy, min(most, left), seed + round_)
                    on_progress(f"{result.cases:,} of {cases:,} cases; {', '.join(_count_statuses(result.statuses))}")
            if result.cases >= cases or result.tool_errors:
                break
    result.log, result.seconds = log.getvalue(), time.monotonic() - began
    return result


def evaluate(result: Result) -> RunReport:
    """Check that the mock withstood every case."""
    traces = result.log.count("Traceback")
    return RunReport(
        f"{result.cases:,} cases of hostile requests, seed {result.seed}",
        {
            "seconds": round(result.seconds, 1),
            "distinct requests": len(result.requests),
            "cases": dict(sorted(result.phases.items())),
            "statuses": dict(sorted(result.statuses.items())),
        },
        [
            Check("each case got a response, and none a 5xx", not result.failures, summarize(result.failures)),
            Check("the log has no traceback", not traces, f"{traces} tracebacks"),
            Check(f"each response took less than {_LONGEST:g} s", result.slowest < _LONGEST, f"{result.slowest:.2f} s"),
            Check("schemathesis reported no error of its own", not result.tool_errors, summarize(result.tool_errors)),
        ],
    )


def _load_schema(application: Any, seed: int, *, use_known_values: bool = False) -> Any:
    """The spec with a seed and without a cache. use_known_values: send a model and a version that exist"""
    label: dict[str, Any] = {
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
    if use_known_values:
        label["parameters"] = {"header.Aurous-Version": _version()}
        label["operations"] = [{"include-operation-id": CREATE, "parameters": {"body.model": MODEL}}]
    schema = schemathesis.openapi.from_path(SPEC, config=schemathesis.Config.from_dict(label))
    schema.app = application
    return schema


@functools.cache
def _version() -> str:
    version: str = yaml_loader.load(SPEC)["info"]["version"]
    return version


def _run_phases(result: Result, schema: Any) -> None:
    """Run the phases examples and coverage."""
    for event in from_schema(schema).execute():
        if isinstance(event, (events.NonFatalError, events.FatalError)):
            result.tool_errors.append(" ".join(str(getattr(event, "info", None) or event).split())[:300])
        elif isinstance(event, events.ScenarioFinished):
            for name, exchange in event.recorder.interactions.items():
                _take(result, event.phase.value.lower(), event.recorder.cases[name].value, exchange.response)


def _strategies(schema: Any) -> Iterator[tuple[Any, int]]:
    """The strategies of a round, valid and invalid, and how many cases to draw of each."""
    for each in schema.get_all_operations():
        operation = each.ok()
        most = _DRAWN_CHAT if operation.definition.raw.get("operationId") == CREATE else _DRAWN_OF_OTHERS
        for mode in GenerationMode:
            yield operation.as_strategy(generation_mode=mode), most


def _draw_cases(result: Result, strategy: Any, most: int, seed: int) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=most,
        # Without the target phase, which searches for accepted cases and takes most of the time.
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=_NO_HEALTH_CHECKS,
    )
    @hypothesis.given(strategy)
    def send(case: Any) -> None:
        try:
            response = case.call(headers={"X-Api-Key": DEFAULT_KEY})
        except Exception as error:
            result.failures.append(f"{type(error).__name__} of {case.as_curl_command()[:2000]}")
            response = None
        _take(result, "drawn", case, response)

    send()


def _take(result: Result, phase: str, case: Any, response: Any) -> None:
    result.requests.add(hash(repr((case.method, case.path_parameters, case.headers, case.query, case.body))))
    mode = case.meta.generation.mode.value if case.meta else "neither"
    result.phases[f"{phase}, {mode}"] += 1
    result.statuses[str(response.status_code) if response else "none"] += 1
    if response is None or response.status_code >= _SERVER_ERROR:
        result.failures.append(case.as_curl_command()[:2000])
    else:
        result.slowest = max(result.slowest, response.elapsed)


def _count_statuses(statuses: Counter[str]) -> Iterator[str]:
    for status, count in sorted(statuses.items()):
        yield f"{count:,} x {status}"
