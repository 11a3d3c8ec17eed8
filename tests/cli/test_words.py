"""How it looks: in every locale, with and without colour, whatever a server says."""

from __future__ import annotations

import io

import pytest

from jit_access.cli.table import write_table
from jit_access.cli.words import Mark, Terminal, Voice, clean

PLAIN = "[ok] [on] [..] [!!] [no] [cut]"


class Screen(io.TextIOWrapper):
    """A stream with an encoding, that may be a terminal."""

    def __init__(self, encoding: str, *, is_terminal: bool = False) -> None:
        self._is_terminal = is_terminal
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("encoding", "marks"),
    [
        ("utf-8", "✓ ● ○ ▲ ✗ ✂"),
        ("ascii", PLAIN),
        ("iso-8859-1", PLAIN),
    ],
)
def test_signs_have_a_plain_spelling(encoding: str, marks: str) -> None:
    voice = Voice(Screen(encoding))
    assert " ".join(voice.mark(mark) for mark in Mark) == marks


def test_nothing_fails_for_want_of_a_letter() -> None:
    screen = Screen("ascii")
    Voice(screen).write("Denied by Zoë: “Naïve” – 12 h … 東京")
    assert screen.text == 'Denied by Zo?: "Na?ve" - 12 h ... ??\n'


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Voice(Screen("utf-8", is_terminal=True)).mark(Mark.DONE) == "\x1b[32m✓\x1b[0m"
    assert Voice(Screen("utf-8")).mark(Mark.DONE) == "✓"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Voice(Screen("utf-8", is_terminal=True)).mark(Mark.DONE) == "✓"


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J", "\x1b]0;title\x07", "a\rb", "\x9b31m", "\u202eevil", "\u200bhidden", "\u2066x", "\ufeff", "\x00",
     "\x7f", "\U000e0041", "\u2028"],
)  # fmt: skip
def test_what_would_move_the_cursor_or_lie_is_made_visible(hostile: str) -> None:
    shown = clean(hostile)
    assert not set(shown) & set("\x1b\r\x07\x9b\u202e\u200b\u2066\ufeff\x00\x7f\U000e0041\u2028")
    assert clean("Zoë – 東京 “x”") == "Zoë – 東京 “x”"


def test_table_has_its_columns_under_each_other() -> None:
    screen = Screen("utf-8")
    rows = [
        (Mark.OPEN, ("prod/llm/llama", "pull", "1 h 12 min"), ""),
        (Mark.ATTENTION, ("train/ns/評価", "exec,logs", "9 min"), "jit extend grt_71cd"),
    ]
    write_table(Voice(screen), ("RESOURCE", "DOING", "LEFT"), rows)
    assert screen.text.splitlines() == [
        "  RESOURCE        DOING      LEFT",
        "● prod/llm/llama  pull       1 h 12 min",
        "▲ train/ns/評価   exec,logs  9 min",
        "  jit extend grt_71cd",
    ]


def test_talk_and_data_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say(Mark.DONE, "Signed in", code="granted")
    terminal.note("below")
    terminal.answer({"a": "\x1b[2J"})
    captured = capsys.readouterr()
    assert captured.err == "✓ Signed in (granted)\n  below\n"
    assert captured.out == '{\n  "a": "\\u001b[2J"\n}\n'


def test_quiet_says_only_what_needs_somebody(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(is_quiet=True)
    for mark in Mark:
        terminal.say(mark, mark.name)
    terminal.note("more")
    assert capsys.readouterr().err == "▲ ATTENTION\n✗ REFUSED\n✂ CUT\n"
