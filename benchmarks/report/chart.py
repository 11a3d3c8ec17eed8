"""Bars with whiskers as hand-written SVG: small, sharp, and readable on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from benchmarks.ratios import Spread
from benchmarks.report.words import number

_WIDTH = 760
_LABEL = 210
_VALUE = 132  # room for the numbers behind the longest bar
_ROW = 26
_BAR = 14
_HEAD = 34
_FOOT = 30
_GAP = 18
_STYLE = """
text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #1f2933 }
.panel { font-weight: 600 } .tick, .range { font-size: 11px; fill: #66717f } .ours { font-weight: 600 }
.grid { stroke: #d5dae1; stroke-width: 1 } .whisker { stroke: #1f2933; stroke-width: 1.5; fill: none; opacity: .75 }
rect.bar { fill: #a9b4c2 } rect.bar.ours { fill: #2563c9 }
@media (prefers-color-scheme: dark) {
text { fill: #e6eaf0 } .tick, .range { fill: #9aa6b4 } .grid { stroke: #39424e } .whisker { stroke: #e6eaf0 }
rect.bar { fill: #5b6675 } rect.bar.ours { fill: #5b9bff } }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One candidate: its median as the bar, its range as the whisker."""

    label: str
    spread: Spread
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One load."""

    title: str
    unit: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        return _HEAD + _ROW * len(self.bars) + _FOOT


def draw(panels: Sequence[Panel], description: str) -> str:
    """A whole SVG document."""
    height = sum(panel.height for panel in panels) + _GAP * (len(panels) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label={quoteattr(description)}>',
        f"<title>{escape(description)}</title>",
        f"<style>{_STYLE}</style>",
    ]
    top = 0
    for panel in panels:
        parts += _draw_panel(panel, top)
        top += panel.height + _GAP
    return "\n".join([*parts, "</svg>", ""])


def ticks_up_to(highest: float) -> list[float]:
    """Three to six round numbers from zero on; the last one is at or above `highest`."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def _draw_panel(panel: Panel, top: int) -> list[str]:
    ticks = ticks_up_to(max(bar.spread.high for bar in panel.bars))
    room = _WIDTH - _LABEL - _VALUE
    bottom = top + _HEAD + _ROW * len(panel.bars)

    def across(value: float) -> float:
        return round(_LABEL + value / ticks[-1] * room, 1)

    parts = [f'<text class="panel" x="0" y="{top + 16}">{escape(panel.title)}</text>']
    for tick in ticks:
        x = across(tick)
        parts.append(f'<line class="grid" x1="{x}" y1="{top + _HEAD - 6}" x2="{x}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{bottom + 15}" text-anchor="middle">{tick:,g}</text>')
    parts.append(f'<text class="tick" x="{_WIDTH}" y="{bottom + 15}" text-anchor="end">{escape(panel.unit)}</text>')
    for index, bar in enumerate(panel.bars):
        y = top + _HEAD + _ROW * index
        parts += _draw_bar(bar, y, (across(bar.spread.low), across(bar.spread.median), across(bar.spread.high)))
    return parts


def _draw_bar(bar: Bar, y: int, places: tuple[float, float, float]) -> list[str]:
    low, median, high = places
    ours = " ours" if bar.is_ours else ""
    middle, edge = y + _ROW / 2, _ROW / 2 - _BAR / 2
    text = middle + 4.5
    parts = [
        f'<text class="label{ours}" x="{_LABEL - 10}" y="{text}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="bar{ours}" x="{_LABEL}" y="{y + edge}" width="{max(1.0, median - _LABEL):.1f}" '
        f'height="{_BAR}" rx="2"/>',
    ]
    if bar.spread.count > 1:
        parts.append(
            f'<path class="whisker" d="M{low} {middle - 4}V{middle + 4}M{low} {middle}H{high}'
            f'M{high} {middle - 4}V{middle + 4}"/>'
        )
    ranges = f" {number(bar.spread.low)}..{number(bar.spread.high)}" if bar.spread.count > 1 else ""
    parts.append(
        f'<text x="{high + 8}" y="{text}"><tspan class="value{ours}">{number(bar.spread.median)}</tspan>'
        f'<tspan class="range" dx="4">{ranges}</tspan></text>'
    )
    return parts
