"""The HTML report: one self-contained page over a run's results."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from harness.results import Outcome

TEMPLATE = Path(__file__).with_name("html_report.html")


def write(path: Path, results: dict[str, Any]) -> None:
    path.write_text(render(results), encoding="utf-8")


def render(results: dict[str, Any]) -> str:
    """The page. Everything in it comes from `results`; nothing is fetched when it is opened."""
    parts = {
        "score": escape(results["score"]),
        "outcome": _outcome(results["counts"]),
        "facts": _facts(results),
        "failed": _failed(results["rules"]),
        "filters": "".join(_filter(outcome, results["counts"][outcome.value]) for outcome in Outcome),
        "subjects": "".join(_subjects(results["rules"])),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda hole: parts[hole[1]], TEMPLATE.read_text(encoding="utf-8"))


def _outcome(counts: dict[str, int]) -> Outcome:
    """The outcome of the run: nobody is to take one that tested nothing for one that passed."""
    if counts["failed"]:
        return Outcome.FAILED
    return (
        Outcome.PASSED
        if any(counts[each] for each in Outcome if each is not Outcome.NOT_TESTED)
        else Outcome.NOT_TESTED
    )


def _facts(results: dict[str, Any]) -> str:
    facts = {
        "Server": results["server"],
        "Budget": _budget(results),
        "Aurous-Version": results["aurous_version"],
        "Profile": results["profile"],
        "Seed": results["seed"],
        "Requests": f"{results['requests']:,}",
        "Credits": f"{results['credits']:,.4f}",
        "Started": results["started"],
        "Duration": f"{results['seconds']:.1f} s",
    }
    return "".join(f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items())


def _budget(results: dict[str, Any]) -> str:
    limit = "" if results["max_credits"] is None else f"at most {results['max_credits']:g} credits"
    return limit or ("without a limit" if results["charges"] else "on this machine, nothing is charged")


def _failed(rules: dict[str, dict[str, Any]]) -> str:
    """Links to the failed rules, which most readers look for."""
    names = [name for name, rule in rules.items() if rule["outcome"] == "failed"]
    links = " ".join(f'<a href="#{escape(name)}">{_breakable(name)}</a>' for name in names)
    return f'<nav aria-label="Failed rules"><b>Failed:</b> {links}</nav>' if names else ""


def _filter(outcome: Outcome, count: int) -> str:
    return (
        f'<label class="{outcome}"><input type="checkbox" name="outcome" value="{outcome}" checked>'
        f"<b>{count}</b> {outcome.label}</label>"
    )


def _subjects(rules: dict[str, dict[str, Any]]) -> list[str]:
    groups: list[str] = []
    for subject, members in groupby(rules.items(), key=lambda item: item[1]["subject"]):
        subject_rules = list(members)
        passed = sum(rule["outcome"] == "passed" for _, rule in subject_rules)
        rows = "".join(_rule(name, rule) for name, rule in subject_rules)
        head = f"<h2>{escape(subject)} <small>{passed} of {len(subject_rules)} passed</small></h2>"
        groups.append(f'<section class="subject">{head}{rows}</section>')
    return groups


def _rule(name: str, rule: dict[str, Any]) -> str:
    outcome = Outcome(rule["outcome"])
    opened = " open" if outcome is Outcome.FAILED else ""
    actual = f'<p class="actual">{escape(rule["actual"])}</p>' if rule["actual"] else ""
    checks = "".join(_check(check) for check in rule["checks"])
    return (
        f'<details class="rule {outcome}" data-outcome="{outcome}" id="{escape(name)}"{opened}>'
        f'<summary><span class="badge">{outcome.label}</span><code>{_breakable(name)}</code>'
        f'<span class="says">{_marked_up(rule["sentence"])}</span></summary>'
        f'<div class="evidence">{actual}'
        f'<p class="meta">{rule["level"]} &middot; {escape(rule["evidence"])} &middot; '
        f'<a href="{escape(rule["url"])}">{escape(rule["page"])}</a></p>{checks}</div></details>'
    )


def _check(check: dict[str, Any]) -> str:
    lines = [check["test"], check["actual"], *([f"Expected: {check['expected']}"] if check["expected"] else [])]
    return f'<p class="test">{"<br>".join(map(escape, lines))}</p>' + "".join(
        f'<pre class="sent">{escape(exchange["curl"])}</pre><pre>{escape(exchange["response"])}</pre>'
        for exchange in check["exchanges"]
    )


def _marked_up(text: str) -> str:
    """Text with its `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _breakable(name: str) -> str:
    # Ids are long words; a phone may break them at their dots.
    return escape(name).replace(".", ".<wbr>")
