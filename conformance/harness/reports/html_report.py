"""Owns the HTML report: one self-contained page over a run's results; computes no verdict."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("html_report.html")
OUTCOMES = ("broken", "unseen", "observed", "kept")


def write(path: Path, results: dict[str, Any]) -> None:
    path.write_text(render(results), encoding="utf-8")


def render(results: dict[str, Any]) -> str:
    """The page. Everything in it comes from `results`; nothing is fetched when it is opened."""
    parts = {
        "score": escape(results["score"]),
        "verdict": "broken" if results["counts"]["broken"] else "kept",
        "facts": _facts(results),
        "broken": _broken(results["rules"]),
        "filters": "".join(_filter(name, results["counts"][name]) for name in OUTCOMES),
        "subjects": "".join(_subjects(results["rules"])),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda hole: parts[hole[1]], TEMPLATE.read_text(encoding="utf-8"))


def _facts(results: dict[str, Any]) -> str:
    facts = {
        "Server": results["server"],
        "Aurous-Version": results["aurous_version"],
        "Profile": results["profile"],
        "Seed": results["seed"],
        "Requests": f"{results['requests']:,}",
        "Credits": f"{results['credits']:,.4f}",
        "Started": results["started"],
        "Took": f"{results['seconds']:.1f} s",
    }
    return "".join(f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items())


def _broken(rules: dict[str, dict[str, Any]]) -> str:
    """Links to what is broken, which is what most readers came for."""
    names = [name for name, rule in rules.items() if rule["verdict"] == "broken"]
    links = " ".join(f'<a href="#{escape(name)}">{_breakable(name)}</a>' for name in names)
    return f'<nav aria-label="Broken rules"><b>Broken:</b> {links}</nav>' if names else ""


def _filter(name: str, count: int) -> str:
    return (
        f'<label class="{name}"><input type="checkbox" name="verdict" value="{name}" checked>'
        f"<b>{count}</b> {name}</label>"
    )


def _subjects(rules: dict[str, dict[str, Any]]) -> list[str]:

    groups: list[str] = []
    for subject, members in groupby(rules.items(), key=lambda item: item[1]["subject"]):
        told = list(members)
        kept = sum(rule["verdict"] == "kept" for _, rule in told)
        rows = "".join(_rule(name, rule) for name, rule in told)
        head = f"<h2>{escape(subject)} <small>{kept} of {len(told)} kept</small></h2>"
        groups.append(f'<section class="subject">{head}{rows}</section>')
    return groups


def _rule(name: str, rule: dict[str, Any]) -> str:
    verdict = rule["verdict"]
    opened = " open" if verdict == "broken" else ""
    came = f'<p class="came">{escape(rule["came"])}</p>' if rule["came"] else ""
    exchanges = "".join(_finding(finding) for finding in rule["findings"])
    return (
        f'<details class="rule {verdict}" data-verdict="{verdict}" id="{escape(name)}"{opened}>'
        f'<summary><span class="badge">{verdict}</span><code>{_breakable(name)}</code>'
        f'<span class="says">{_marked(rule["says"])}</span></summary>'
        f'<div class="evidence">{came}'
        f'<p class="meta">{rule["level"]} &middot; {escape(rule["evidence"])} &middot; '
        f'<a href="{escape(rule["url"])}">{escape(rule["page"])}</a></p>{exchanges}</div></details>'
    )


def _finding(finding: dict[str, Any]) -> str:
    told = f'<p class="test">{escape(finding["test"])}<br>{escape(finding["came"])}</p>'
    return told + "".join(
        f'<pre class="sent">{escape(exchange["curl"])}</pre><pre>{escape(exchange["answer"])}</pre>'
        for exchange in finding["exchanges"]
    )


def _marked(text: str) -> str:
    """Text with its `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _breakable(name: str) -> str:
    # Ids are long words; a phone may break them at their dots.
    return escape(name).replace(".", ".<wbr>")
