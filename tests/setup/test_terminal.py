"""Signs where they can be written, words where they cannot; never colour alone."""

from __future__ import annotations

import io

import pytest

from jit_access.demo.bootstrap.terminal import Mark, terminal_for


class Screen(io.TextIOWrapper):
    """A terminal with a chosen encoding."""

    def __init__(self, encoding: str, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def shown(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def said(screen: Screen) -> str:
    terminal_for(screen).say(Mark.DONE, "ready – go")
    return screen.shown()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_terminal_gets_sign_and_colour() -> None:
    assert said(Screen("utf-8", is_terminal=True)) == "\x1b[32m✓\x1b[0m ready – go\n"


def test_file_gets_no_colour() -> None:
    assert said(Screen("utf-8", is_terminal=False)) == "✓ ready – go\n"


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert said(Screen("utf-8", is_terminal=True)) == "✓ ready – go\n"


def test_narrow_encoding_gets_words() -> None:
    assert said(Screen("ascii", is_terminal=False)) == "[ok] ready ? go\n"
