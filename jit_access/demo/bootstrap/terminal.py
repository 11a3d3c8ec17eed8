"""How the development tools speak: words on stderr, one mark in front, colour only where it is wanted."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import Enum
from typing import TextIO


class Mark(Enum):
    """What became of a step: the sign, its plain spelling, and one of three hues (SGR code)."""

    DONE = ("✓", "[ok]", "32")
    OPEN = ("●", "[on]", "32")
    WAITING = ("○", "[..]", "2")
    ATTENTION = ("▲", "[!!]", "33")
    REFUSED = ("✗", "[no]", "31")
    CUT = ("✂", "[cut]", "31")


@dataclass(frozen=True, slots=True)
class Terminal:
    """One place where lines are written."""

    stream: TextIO
    has_signs: bool
    has_colour: bool

    def say(self, mark: Mark, text: str) -> None:
        """One line, flushed at once: a progress line that comes late tells nothing."""
        sign, plain, hue = mark.value
        shown = sign if self.has_signs else plain
        if self.has_colour:
            shown = f"\x1b[{hue}m{shown}\x1b[0m"
        self.write(f"{shown} {text}")

    def write(self, text: str = "") -> None:
        encoding = self.stream.encoding or "ascii"
        self.stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        self.stream.flush()

    def strong(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.has_colour else text


def terminal_for(stream: TextIO | None = None) -> Terminal:
    """Signs where the locale can write them, colour on a terminal without NO_COLOR."""
    chosen = stream or sys.stderr
    encoding = (chosen.encoding or "").lower().replace("-", "")
    is_shown = chosen.isatty() and os.environ.get("TERM") != "dumb"
    return Terminal(chosen, has_signs=encoding == "utf8", has_colour=is_shown and not os.environ.get("NO_COLOR"))
