"""Runs the cases: all in each round, in reverse order every second round."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from testkit import processes

from .groups import Case, Group
from .server_process import SCRIPTS
from .stats import Sample, Series

# Seconds of one visit; the longest takes about ten.
TIMEOUT = 300
# Environment variables that would change where requests go or what a client does.
_EXCLUDED_VARIABLES = ("AUROUS_", "OPENAI_", "HTTPX_", "PYTHON")


class CaseError(Exception):
    """A case failed; the message is one line."""


class MissingError(Exception):
    """A case needs something that is not installed; the message says what."""


@dataclass
class Results:
    """The results of a run: a series for each case, by group, and why some have none."""

    series: dict[str, dict[str, Series]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)


def measure(
    groups: tuple[Group, ...], url: str, core: int | None, *, rounds: int, on_progress: Callable[[str], None]
) -> Results:
    """Run all rounds. `on_progress` gets the case that runs. A case that fails is not run again."""
    results = Results()
    samples: dict[tuple[str, str], list[Sample]] = {}
    values = {"{url}": url, "{core}": str(-1 if core is None else core)}
    for number, (group, case) in enumerate(visits(groups, rounds)):
        key = (group.name, case.name)
        if key in results.missing or key in results.failed:
            continue
        on_progress(f"visit {number + 1}: {group.name}, {case.name}")
        try:
            if key not in samples and group.warm_up:
                _visit(case, values)
            sample = _visit(case, values)
            samples.setdefault(key, []).append(sample)
        except MissingError as error:
            results.missing[key] = str(error)
        except CaseError as error:
            results.failed[key] = str(error)
    for group in groups:
        results.series[group.name] = {
            case.name: Series(tuple(samples[key]))
            for case in group.cases
            if (key := (group.name, case.name)) in samples and key not in results.failed
        }
    return results


def visits(groups: tuple[Group, ...], rounds: int) -> Iterator[tuple[Group, Case]]:
    """Every case in its order."""
    for number in range(rounds):
        for group in groups if number % 2 == 0 else reversed(groups):
            for again in range(group.visits):
                for case in group.cases if (number + again) % 2 == 0 else reversed(group.cases):
                    yield group, case


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
