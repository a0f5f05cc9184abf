"""Runs the cases, group by group: all of a group in each round, in reverse order every second round."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from testkit import processes

from .groups import Case, Group
from .server_process import SCRIPTS
from .stats import Sample, Series, ratio_spread

# Seconds of one visit; the longest takes about ten.
TIMEOUT = 300
# Ratios that spread no more than this get no more rounds.
STABLE = 0.02
# Environment variables that would change where requests go or what a client does.
_EXCLUDED_VARIABLES = ("AUROUS_", "OPENAI_", "HTTPX_", "PYTHON")


class CaseError(Exception):
    """A case failed; the message is one line."""


class MissingError(Exception):
    """A case needs something that is not installed; the message says what."""


@dataclass(frozen=True)
class Rounds:
    """Rounds of a group: at least `least`, then up to `most` until its ratios are stable or its seconds are over."""

    least: int
    most: int
    seconds: float = float("inf")


@dataclass
class Results:
    """The results of a run: a series for each case, by group, and why some have none."""

    series: dict[str, dict[str, Series]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)


def measure(
    groups: tuple[Group, ...],
    url: str,
    core: int | None,
    *,
    rounds: Rounds,
    on_progress: Callable[[str], None],
    on_group: Callable[[Group, Results], None] = lambda group, results: None,
    clock: Callable[[], float] = time.monotonic,
) -> Results:
    """Run the groups one after another. A case that fails is not run again.

    on_progress: gets the case that runs
    on_group:    called when a group is complete
    """
    results = Results()
    values = {"{url}": url, "{core}": str(-1 if core is None else core)}
    for position, group in enumerate(groups, start=1):
        started, number = clock(), 0
        while number < rounds.least or (
            number < rounds.most and clock() - started < rounds.seconds and not _is_stable(group, results)
        ):
            on_progress(f"group {position} of {len(groups)}, {group.name}: round {number + 1}")
            _run_round(group, number, values, results)
            number += 1
        results.rounds[group.name] = number
        for _, name in [key for key in results.failed if key[0] == group.name]:
            results.series[group.name].pop(name, None)
        on_group(group, results)
    return results


def visits(group: Group, number: int) -> Iterator[Case]:
    """Every case of a round in its order."""
    for again in range(group.visits):
        yield from group.cases if (number + again) % 2 == 0 else reversed(group.cases)


def _run_round(group: Group, number: int, values: dict[str, str], results: Results) -> None:
    series = results.series.setdefault(group.name, {})
    for case in visits(group, number):
        key = (group.name, case.name)
        if key in results.missing or key in results.failed:
            continue
        try:
            if case.name not in series and group.warm_up:
                _visit(case, values)
            sample = _visit(case, values)
            series[case.name] = Series((*(series[case.name].samples if case.name in series else ()), sample))
        except MissingError as error:
            results.missing[key] = str(error)
        except CaseError as error:
            results.failed[key] = str(error)


def _is_stable(group: Group, results: Results) -> bool:
    series = {
        name: each for name, each in results.series[group.name].items() if (group.name, name) not in results.failed
    }
    measured = [claim for claim in group.claims if claim.peer in series and claim.ours in series]
    return all(ratio_spread(series[claim.peer], series[claim.ours]) <= STABLE for claim in measured)


def _visit(case: Case, values: dict[str, str]) -> Sample:
    command = [values.get(status, status) for status in case.command]
    # A session of its own: Ctrl-C goes to this process, which stops the other.
    process = subprocess.Popen(
        command,
        cwd=SCRIPTS,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, stderr = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise CaseError(f"it did not finish within {TIMEOUT} s") from None
    finally:
        processes.stop(process)
    if process.returncode != 0 or not out.strip():
        lines = stderr.strip().splitlines() or [f"it ended with code {process.returncode} and no output"]
        raise CaseError(lines[-1])
    output = json.loads(out.splitlines()[-1])
    if "missing" in output:
        raise MissingError(output["missing"])
    return Sample.of(output)


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_EXCLUDED_VARIABLES) and not name.lower().endswith("_proxy")
    }
    return {**kept, **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}}
