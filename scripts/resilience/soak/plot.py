"""Draws the samples of a soak as a small SVG for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from benchmarks.plot import svg_document

from resilience.soak.leak_check import QUANTITIES, Quantity
from resilience.soak.process_metrics import Sample
from resilience.soak.soak_run import Result

_PLOTTED: Final = tuple(quantity for quantity in QUANTITIES if quantity.name != "half-closed sockets")
_WIDTH, _LEFT, _RIGHT, _TOP = 760, 120, 190, 60
_HIGH, _GAP = 64, 26
_STYLE: Final = (
    ".axis{stroke:#8c959f;stroke-width:1}.warm{fill:#8c959f;opacity:.14}.line{fill:none;stroke-width:1.5}"
    ".client{stroke:#0a7d4f}.mock{stroke:#b9832f}.named-client{fill:#0a7d4f}.named-mock{fill:#b9832f}"
    "@media(prefers-color-scheme:dark){.client{stroke:#3fb950}.mock{stroke:#d29f4d}"
    ".named-client{fill:#3fb950}.named-mock{fill:#d29f4d}}"
)


def draw(result: Result) -> str:
    """The SVG document: a panel for each quantity, with a line for each process."""
    seconds, concurrency = result.config.seconds, result.config.concurrency
    body = list[str]()
    for place, quantity in enumerate(_PLOTTED):
        body += _panel(quantity, result.samples, seconds, _TOP + place * (_HIGH + _GAP))
    bottom = _TOP + len(_PLOTTED) * (_HIGH + _GAP)
    body += _times(seconds, bottom - _GAP + 14)
    ended = sum(result.progress.endings.values()) if result.progress else 0
    title = f"{concurrency} streams and calls at once for {seconds / 60:.3g} minutes: resources of both processes"
    label = f"{ended:,} exchanges, some with faults, some abandoned; the first quarter is warm-up"
    return svg_document(title, label, body, height=bottom + 4, style=_STYLE)


def _panel(quantity: Quantity, samples: dict[str, list[Sample]], seconds: float, y: int) -> Iterator[str]:
    maximum = max((quantity.of(one) for each in samples.values() for one in each), default=1.0) * 1.1 or 1.0
    wide = _WIDTH - _LEFT - _RIGHT
    yield f'<text x="8" y="{y + _HIGH / 2:.0f}">{escape(quantity.name)}</text>'
    yield f'<rect class="warm" x="{_LEFT}" y="{y}" width="{wide / 4:.1f}" height="{_HIGH}"/>'
    yield f'<path class="axis" d="M{_LEFT} {y + _HIGH}h{wide}"/>'
    ends = dict[str, float]()
    for name, each in samples.items():
        points = [(one.at / seconds * wide + _LEFT, y + _HIGH * (1 - quantity.of(one) / maximum)) for one in each]
        if points:
            line = " ".join(f"{right:.1f},{down:.1f}" for right, down in points)
            yield f'<polyline class="line {name}" points="{line}"/>'
            ends[name] = points[-1][1]
    yield from _names(quantity, samples, ends, y)


def _names(quantity: Quantity, samples: dict[str, list[Sample]], ends: dict[str, float], y: int) -> Iterator[str]:
    """The last value of each line beside its end, kept apart where lines meet."""
    last = 0.0
    for name, down in sorted(ends.items(), key=lambda item: item[1]):
        last = max(down + 4, last + 12, y + 8.0)
        first, maximum = quantity.of(samples[name][0]), max(map(quantity.of, samples[name]))
        now = quantity.of(samples[name][-1])
        unit = f" {quantity.unit}" if quantity.unit else ""
        label = f"{name} {now:.4g}{unit} (first {first:.4g}, most {maximum:.4g})"
        yield f'<text class="small named-{name}" x="{_WIDTH - _RIGHT + 6}" y="{last:.1f}">{escape(label)}</text>'


def _times(seconds: float, y: int) -> Iterator[str]:
    for quarter in range(5):
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * quarter / 4
        label = f"{seconds * quarter / 240:.3g} min"
        yield f'<text class="small" x="{x:.0f}" y="{y}" text-anchor="middle">{label}</text>'
