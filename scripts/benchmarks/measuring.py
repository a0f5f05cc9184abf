"""Visits the cases: every round each of them, every second round from the other end. Knows no figures of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .groups import Case, Group
from .serving import SCRIPTS
from .stats import Sample, Series

# Of one visit, in seconds; the longest takes about ten.
PATIENCE = 300
# What would send the requests elsewhere, or change what a client does.
_FOREIGN = ("AUROUS_", "OPENAI_", "HTTPX_", "PYTHON")


class CaseError(Exception):
    """A case came to grief; the message says how, in one line."""


class MissingError(Exception):
    """A case needs what is not here; the message says what."""


@dataclass
class Results:
    """What a run gave: the series of each case, by its group, and why some have none."""

    series: dict[str, dict[str, Series]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)


def measure(
    groups: tuple[Group, ...], url: str, core: int | None, *, rounds: int, tell: Callable[[str], None]
) -> Results:
    """All rounds. `tell` hears which case is visited. A case that fails once is not visited again."""
    results = Results()
    samples: dict[tuple[str, str], list[Sample]] = {}
    values = {"{url}": url, "{core}": str(-1 if core is None else core)}
    for number, (group, case) in enumerate(visits(groups, rounds)):
        place = (group.name, case.name)
        if place in results.missing or place in results.failed:
            continue
        tell(f"visit {number + 1}: {group.name}, {case.name}")
        try:
            if place not in samples and group.rehearsed:
                _visit(case, values)
            sample = _visit(case, values)
            samples.setdefault(place, []).append(sample)
        except MissingError as error:
            results.missing[place] = str(error)
        except CaseError as error:
            results.failed[place] = str(error)
    for group in groups:
        results.series[group.name] = {
            case.name: Series(tuple(samples[place]))
            for case in group.cases
            if (place := (group.name, case.name)) in samples and place not in results.failed
        }
    return results


def visits(groups: tuple[Group, ...], rounds: int) -> Iterator[tuple[Group, Case]]:
    """Every case, in its turn."""
    for number in range(rounds):
        for group in groups if number % 2 == 0 else reversed(groups):
            for again in range(group.visits):
                for case in group.cases if (number + again) % 2 == 0 else reversed(group.cases):
                    yield group, case


def _visit(case: Case, values: dict[str, str]) -> Sample:
    command = [values.get(word, word) for word in case.command]
    # A session of its own: Ctrl-C is for this process, which then ends that one.
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
        out, complaint = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise CaseError(f"it was not done after {PATIENCE} s") from None
    finally:
        _end(process)
    if process.returncode != 0 or not out.strip():
        lines = complaint.strip().splitlines() or [f"it ended with code {process.returncode} and no word"]
        raise CaseError(lines[-1])
    told = json.loads(out.splitlines()[-1])
    if "missing" in told:
        raise MissingError(told["missing"])
    return Sample.of(told)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        # It may have a server of its own to stop.
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.lower().endswith("_proxy")
    }
    return {**kept, **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}}
