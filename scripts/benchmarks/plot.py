"""Draws a record as a small SVG for light and dark pages: the cost of other clients relative to this one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

OURS: Final = "aurous"
# The groups that are plotted, with their labels.
LABELS: Final = {
    "stream": ("event of a stream", "sync"),
    "async-stream": ("event of a stream", "async"),
    "fan-out": ("256 streams at once", "async, full speed"),
    "fan-out-paced": ("256 streams at once", "async, an event each 50 ms"),
    "call": ("call", "sync, one after another"),
    "async-call": ("call", "async, 64 in flight"),
    "import": ("import", "and a client; httpx alone"),
}
# Without the raw sockets, which nobody would use as a client.
PEERS: Final = ("httpx-sse", "httpx", "openai")

_WIDTH, _LEFT, _RIGHT = 760, 190, 110
_BAR, _GAP, _TOP = 14, 16, 52
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.small{font-size:11px;fill:#59636e}.title{font-weight:600}"
    ".aurous{fill:#0a7d4f}.httpx{fill:#8c959f}.openai{fill:#b9832f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}"
    ".aurous{fill:#3fb950}.httpx{fill:#767e88}.openai{fill:#d29f4d}}"
)


def draw(record: dict[str, Any]) -> str:
    """The SVG document, without the groups that were not measured."""
    groups = [(LABELS[name], bars) for name in LABELS if (bars := _bars(record["groups"].get(name)))]
    most = max((times for _, bars in groups for _, times in bars), default=1.0)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    body, y = list[str](), _TOP
    for label, bars in groups:
        body += _group(label, bars, y, scale)
        y += _BAR * len(bars) + _GAP
    title = "CPU time of the same work, aurous = 1. Shorter is better."
    versions = record["machine"]["packages"]
    clients = ", ".join(f"{name} {versions[name]}" for name in ("openai", "httpx", "httpx-sse") if name in versions)
    return svg_document(title, f"{record['machine']['python']}; {clients}", body, height=y)


def svg_document(title: str, label: str, body: list[str], *, height: int, style: str = "") -> str:
    """An SVG document: title, subtitle, and elements from y = 52 down."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f"aria-label={quoteattr(title)}>",
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style>",
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="small" x="8" y="37">{escape(label)}</text>',
    )
    return "\n".join((*head, *body, "</svg>", ""))


def _bars(group: dict[str, Any] | None) -> list[tuple[str, float]]:
    """Names and ratios, ours first; none if ours or all others are missing."""
    ratios = group["ratios"] if group else {}
    peers = [(peer, ratios[title]) for peer in PEERS if (title := f"{peer} / {OURS}") in ratios]
    return [(OURS, 1.0), *peers] if peers else []


def _group(label: tuple[str, str], bars: list[tuple[str, float]], y: int, scale: float) -> Iterator[str]:
    middle = y + _BAR * len(bars) // 2
    yield f'<text x="8" y="{middle - 1}">{escape(label[0])}</text>'
    yield f'<text class="small" x="8" y="{middle + 13}">{escape(label[1])}</text>'
    for name, times in bars:
        length = max(times * scale, 1)
        kind = name.partition("-")[0]
        bar_label = name if name == OURS else f"{name} {times:.2g}x"
        yield f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR - 2}" rx="2"/>'
        yield f'<text class="small" x="{_LEFT + length + 6:.1f}" y="{y + _BAR - 4}">{escape(bar_label)}</text>'
        y += _BAR
