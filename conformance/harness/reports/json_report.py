"""Owns a run's results as data: the JSON report, which the page shows too; decides nothing about a verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.results import Finding, Outcome, Verdict, Verdicts
from harness.settings import Settings

FORMAT = 1


def collect(verdicts: Verdicts, settings: Settings, *, seconds: float, started: str) -> dict[str, Any]:
    """Everything that a run found, keyed by rule id. Credits are in credits, times in seconds."""
    counted = verdicts.counted()
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    return {
        "format": FORMAT,
        "aurous_version": settings.api_version,
        "server": "embedded mock" if settings.embedded else settings.base_url,
        "profile": settings.profile.value,
        "seed": settings.seed,
        "started": started,
        "seconds": round(seconds, 2),
        "score": verdicts.score,
        "counts": {outcome.value: counted[outcome] for outcome in Outcome},
        "requests": sum(finding.requests for finding in findings),
        "credits": round(sum(finding.credits for finding in findings), 6),
        "rules": {verdict.rule.id: _rule(verdict) for verdict in verdicts},
    }


def write(path: Path, results: dict[str, Any]) -> None:
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rule(verdict: Verdict) -> dict[str, Any]:
    rule = verdict.rule
    return {
        "subject": rule.subject,
        "level": rule.level.value,
        "says": rule.says,
        "page": rule.page,
        "url": rule.url,
        "verdict": verdict.outcome.value,
        "came": verdict.came,
        "evidence": verdict.evidence,
        "credits": round(sum(finding.credits for finding in verdict.findings), 6),
        "seconds": round(sum(finding.seconds for finding in verdict.findings), 3),
        "findings": [_finding(finding) for finding in verdict.findings if finding.outcome is not Outcome.KEPT],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "test": finding.test,
        "verdict": finding.outcome.value,
        "came": finding.came,
        "exchanges": [{"curl": shown.curl, "answer": shown.answer} for shown in finding.shown],
    }
