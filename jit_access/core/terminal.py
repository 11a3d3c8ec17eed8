"""Marks and hues for people at a terminal; plain words where it cannot show them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

_MARKS = {"ok": ("✓", "[ok]", "32"), "no": ("✗", "[no]", "31"), "look": ("▲", "[!!]", "33")}


@dataclass(frozen=True, slots=True)
class Terminal:
    """What one stream can show."""

    is_unicode: bool
    is_coloured: bool

    @classmethod
    def of(cls, stream: TextIO) -> Terminal:
        encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
        is_coloured = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        return cls(encoding in {"utf8", ""}, is_coloured)

    def mark(self, name: str) -> str:
        """`ok`, `no` or `look`: never colour alone."""
        sign, word, hue = _MARKS[name]
        text = sign if self.is_unicode else word
        return f"\x1b[{hue}m{text}\x1b[0m" if self.is_coloured else text


def thin(number: int) -> str:
    """`102 200`: thousands apart by a narrow space that never breaks."""
    return f"{number:,}".replace(",", "\u202f")
