"""Columns two spaces apart, no boxes. Paths, ids and commands are never cut short."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from jit_access.cli.words import Mark, Voice, clean


def write_table(voice: Voice, heads: Sequence[str], rows: Sequence[tuple[Mark, Sequence[object], str]]) -> None:
    """Each row: its mark, its cells, and what else there is to say, below the row."""
    cells = [[clean(cell) for cell in row] for _, row, _ in rows]
    widths = [max(map(width, column)) for column in zip(heads, *cells, strict=True)]
    margin = max((voice.width_of(mark) for mark, _, _ in rows), default=1)
    voice.write(f"{' ' * margin} {voice.quiet(_line(heads, widths))}")
    for (mark, _, more), row in zip(rows, cells, strict=True):
        voice.write(f"{voice.mark(mark)}{' ' * (margin - voice.width_of(mark))} {_line(row, widths)}")
        if more:
            voice.write(f"{' ' * margin} {clean(more)}")


def write_facts(voice: Voice, facts: Sequence[tuple[str, object]]) -> None:
    """Names and values below each other."""
    longest = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        voice.write(f"  {voice.quiet(name.ljust(longest))}  {clean(value)}")


def width(text: str) -> int:
    """Columns that a text takes: East Asian letters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (most - width(cell)) for cell, most in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
