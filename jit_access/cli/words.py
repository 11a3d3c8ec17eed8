"""How the command looks and speaks: talk on stderr, data on stdout, one mark in front, three hues.

What came from elsewhere is made harmless before it is shown: a name with control characters in it could move the
cursor, repaint what was said before, or change the title of the window.
"""

from __future__ import annotations

import os
import sys
from enum import Enum
from typing import TextIO

_HIDDEN = frozenset(
    [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
     *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)]
)  # fmt: skip
_CLEANING = dict.fromkeys(_HIDDEN, "\N{REPLACEMENT CHARACTER}") | {0x09: " ", 0x0A: " ", 0x0D: " "}
_SPELLED = str.maketrans(
    {"–": "-", "→": "->", "·": "-", "…": "...", "\N{REPLACEMENT CHARACTER}": "?", "“": '"', "”": '"'}
)


class Mark(Enum):
    """What became of something: the sign, its plain spelling, and one of three hues (SGR code)."""

    DONE = ("✓", "[ok]", "32")
    OPEN = ("●", "[on]", "32")
    WAITING = ("○", "[..]", "2")
    ATTENTION = ("▲", "[!!]", "33")
    REFUSED = ("✗", "[no]", "31")
    CUT = ("✂", "[cut]", "31")


def clean(text: object) -> str:
    """One line that shows what it says: no control, invisible or direction-changing characters."""
    return str(text).translate(_CLEANING)


class Voice:
    """One stream. Signs where its encoding can write them, colour on a terminal without NO_COLOR."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        encoding = (stream.encoding or "ascii").lower().replace("-", "").replace("_", "")
        self.has_signs = encoding in {"utf8", "utf8sig"}
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.has_colour = self.is_terminal and not os.environ.get("NO_COLOR")

    def mark(self, mark: Mark) -> str:
        sign, plain, hue = mark.value
        return self.hue(sign if self.has_signs else plain, hue)

    def hue(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colour else text

    def strong(self, text: str) -> str:
        return self.hue(text, "1")

    def quiet(self, text: str) -> str:
        return self.hue(text, "2")

    def width_of(self, mark: Mark) -> int:
        return len(mark.value[0] if self.has_signs else mark.value[1])

    def write(self, text: str, end: str = "\n") -> None:
        """As it is, but for signs that this stream has no bytes for."""
        shown = text if self.has_signs else text.translate(_SPELLED)
        encoding = self._stream.encoding or "ascii"
        self._stream.write(shown.encode(encoding, "replace").decode(encoding) + end)
        self._stream.flush()


class Terminal:
    """Both streams. `talk` is for people, `data` for whatever reads stdout."""

    def __init__(self, *, is_json: bool = False, is_quiet: bool = False) -> None:
        self.talk, self.data = Voice(sys.stderr), Voice(sys.stdout)
        self.is_json, self.is_quiet = is_json, is_quiet
        self._has_live_line = False

    @property
    def is_interactive(self) -> bool:
        """Somebody reads what is said, and can type an answer."""
        return self.talk.is_terminal and sys.stdin is not None and sys.stdin.isatty()

    def say(self, mark: Mark, text: str, *, code: str = "") -> None:
        """One marked line; the reason code comes last, in small."""
        if self.is_quiet and mark not in {Mark.REFUSED, Mark.ATTENTION, Mark.CUT}:
            return
        self.settle()
        last = f" {self.talk.quiet(f'({clean(code)})')}" if code else ""
        self.talk.write(f"{self.talk.mark(mark)} {clean(text)}{last}")

    def note(self, text: str = "") -> None:
        """A line below a marked one, indented to its text."""
        if not self.is_quiet:
            self.settle()
            self.talk.write(f"  {clean(text)}" if text else "")

    def live(self, mark: Mark, text: str) -> None:
        """A line that is written over by the next one; only on a terminal, so that no log fills with it."""
        if self.is_quiet or not self.talk.is_terminal:
            return
        columns = _columns()
        shown = clean(text)[: max(10, columns - self.talk.width_of(mark) - 2)]
        self.talk.write(f"\r\x1b[2K{self.talk.mark(mark)} {shown}", end="")
        self._has_live_line = True

    def settle(self) -> None:
        """Take the live line away, so that what follows stands at the beginning of a line."""
        if self._has_live_line:
            self.talk.write("\r\x1b[2K", end="")
            self._has_live_line = False

    def answer(self, body: object) -> None:
        """The whole answer as one JSON document. Its escapes keep control characters from the terminal."""
        import json  # noqa: PLC0415  # only where it is asked for

        self.data.write(json.dumps(body, indent=2))


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns
    except OSError:
        return 80
