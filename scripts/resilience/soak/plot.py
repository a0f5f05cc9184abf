"""Draws what was held over time as a small SVG, for light and dark pages. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from benchmarks.plot import framed

from resilience.soak.leak_check import QUANTITIES, Quantity
from resilience.soak.process_metrics import Sample
from resilience.soak.soak_run import Evidence

_DRAWN: Final = tuple(quantity for quantity in QUANTITIES if quantity.name != "half-closed sockets")
_WIDTH, _LEFT, _RIGHT, _TOP = 760, 120, 190, 60
_HIGH, _GAP = 64, 26
_STYLE: Final = (
    ".axis{stroke:#8c959f;stroke-width:1}.warm{fill:#8c959f;opacity:.14}.line{fill:none;stroke-width:1.5}"
    ".client{stroke:#0a7d4f}.mock{stroke:#b9832f}.named-client{fill:#0a7d4f}.named-mock{fill:#b9832f}"
    "@media(prefers-color-scheme:dark){.client{stroke:#3fb950}.mock{stroke:#d29f4d}"
    ".named-client{fill:#3fb950}.named-mock{fill:#d29f4d}}"
)


def draw(evidence: Evidence) -> str:
    """The SVG document: a field for each quantity, with a line for each process."""
    seconds, at_once = evidence.terms.seconds, evidence.terms.at_once
    body = list[str]()
    for place, quantity in enumerate(_DRAWN):
        body += _field(quantity, evidence.samples, seconds, _TOP + place * (_HIGH + _GAP))
    bottom = _TOP + len(_DRAWN) * (_HIGH + _GAP)
    body += _times(seconds, bottom - _GAP + 14)
    ended = sum(evidence.tally.endings.values()) if evidence.tally else 0
    title = f"{at_once} streams and calls at once for {seconds / 60:.3g} minutes: what the processes hold"
    told = f"{ended:,} exchanges, some spoilt, some left early; the first quarter is warm-up"
    return framed(title, told, body, height=bottom + 4, style=_STYLE)


def _field(quantity: Quantity, samples: dict[str, list[Sample]], seconds: float, y: int) -> Iterator[str]:
    most = max((quantity.of(one) for each in samples.values() for one in each), default=1.0) * 1.1 or 1.0
    wide = _WIDTH - _LEFT - _RIGHT
    yield f'<text x="8" y="{y + _HIGH / 2:.0f}">{escape(quantity.name)}</text>'
    yield f'<rect class="warm" x="{_LEFT}" y="{y}" width="{wide / 4:.1f}" height="{_HIGH}"/>'
    yield f'<path class="axis" d="M{_LEFT} {y + _HIGH}h{wide}"/>'
    ends = dict[str, float]()
    for name, each in samples.items():
        points = [(one.at / seconds * wide + _LEFT, y + _HIGH * (1 - quantity.of(one) / most)) for one in each]
        if points:
            line = " ".join(f"{right:.1f},{down:.1f}" for right, down in points)
            yield f'<polyline class="line {name}" points="{line}"/>'
            ends[name] = points[-1][1]
    yield from _names(quantity, samples, ends, y)


def _names(quantity: Quantity, samples: dict[str, list[Sample]], ends: dict[str, float], y: int) -> Iterator[str]:
    """What each line came to, beside its end; apart where the lines are not."""
    last = 0.0
    for name, down in sorted(ends.items(), key=lambda item: item[1]):
        last = max(down + 4, last + 12, y + 8.0)
        first, most = quantity.of(samples[name][0]), max(map(quantity.of, samples[name]))
        now = quantity.of(samples[name][-1])
        unit = f" {quantity.unit}" if quantity.unit else ""
        told = f"{name} {now:.4g}{unit} (first {first:.4g}, most {most:.4g})"
        yield f'<text class="small named-{name}" x="{_WIDTH - _RIGHT + 6}" y="{last:.1f}">{escape(told)}</text>'


def _times(seconds: float, y: int) -> Iterator[str]:
    for quarter in range(5):
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * quarter / 4
        told = f"{seconds * quarter / 240:.3g} min"
        yield f'<text class="small" x="{x:.0f}" y="{y}" text-anchor="middle">{told}</text>'
