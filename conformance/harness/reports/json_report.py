"""A run's results as data: the JSON report, and what the HTML page is made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.results import CheckResult, Outcome, RuleResult, RunResults
from harness.settings import Settings

FORMAT = 2


def collect(results: RunResults, settings: Settings, *, seconds: float, started: str) -> dict[str, Any]:
    """All results of a run, keyed by rule id, failed subjects first. Credits are in credits, times in seconds."""
    counts = results.counts()
    checks = [check for result in results for check in result.checks]
    ordered = [result for members in results.by_subject().values() for result in members]
    return {
        "format": FORMAT,
        "aurous_version": settings.api_version,
        "server": "embedded mock" if settings.embedded else settings.redact(settings.base_url),
        "charges": settings.metered,
        "max_credits": settings.max_credits,
        "profile": settings.profile.value,
        "seed": settings.seed,
        "started": started,
        "seconds": round(seconds, 2),
        "score": results.score,
        "counts": {outcome.value: counts[outcome] for outcome in Outcome},
        "requests": sum(check.requests for check in checks),
        "credits": round(sum(check.credits for check in checks), 6),
        "rules": {result.rule.id: _rule(result) for result in ordered},
    }


def write(path: Path, results: dict[str, Any]) -> None:
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rule(result: RuleResult) -> dict[str, Any]:
    rule = result.rule
    return {
        "subject": rule.subject,
        "level": rule.level.value,
        "sentence": rule.sentence,
        "page": rule.page,
        "url": rule.url,
        "outcome": result.outcome.value,
        "actual": result.actual,
        "evidence": result.evidence,
        "credits": round(sum(check.credits for check in result.checks), 6),
        "seconds": round(sum(check.seconds for check in result.checks), 3),
        "checks": [_check(check) for check in result.checks if check.outcome is not Outcome.PASSED],
    }


def _check(check: CheckResult) -> dict[str, Any]:
    return {
        "test": check.test,
        "outcome": check.outcome.value,
        "actual": check.actual,
        "expected": check.expected,
        "exchanges": [{"curl": view.curl, "response": view.response} for view in check.exchanges],
    }
