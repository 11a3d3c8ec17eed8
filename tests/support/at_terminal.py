"""`jit` as people start it: a process of its own with a home of its own, and a person who answers in a browser."""

from __future__ import annotations

import contextlib
import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from jit_access.demo.stack.layout import ROOT
from tests.support.processes import wait_for
from tests.support.stack import Stack
from tests.support.visitor import Visitor

_PAGE = re.compile(r"^\s+(https?://\S+/oauth/authorize\?\S+)$", re.MULTILINE)
_SGR = re.compile(r"\x1b\[[0-9;]*[mK]")
_BACK = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')
_FOREIGN = ("JIT_", "XDG_", "DOCKER_", "REGISTRY_", "HF_", "AWS_", "MLFLOW_", "NO_COLOR", "DISPLAY", "BROWSER")


@dataclass
class Running:
    """A `jit` that has not ended. What it says is read while it says it."""

    process: subprocess.Popen[str]
    _said: dict[str, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})
    _readers: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, lines in self._said.items():
            stream = getattr(self.process, name)
            reader = threading.Thread(target=lambda stream=stream, lines=lines: lines.extend(iter(stream.readline, "")))
            reader.start()
            self._readers.append(reader)

    @property
    def stdout(self) -> str:
        return "".join(self._said["stdout"])

    @property
    def stderr(self) -> str:
        return "".join(self._said["stderr"])

    def until_it_says(self, words: str) -> None:
        wait_for(lambda: words in self.stderr or self.process.poll() is not None, f"jit says {words!r}")
        assert words in self.stderr, f"{self.process.returncode}: {self.stdout}{self.stderr}"

    def end(self) -> int:
        """Its exit status, when it ends by itself."""
        status = self.process.wait(timeout=120)
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return status


@dataclass(frozen=True)
class Seat:
    """One person, or one service account, at one machine."""

    home: Path
    address: str

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        mine = {"HOME": str(self.home), "JIT_ADDR": self.address, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        return kept | mine | {"LC_ALL": "C.UTF-8"} | more

    def begin(self, *arguments: str | Path, given: str = "", **more: str) -> Running:
        """Start it and come back at once."""
        process = subprocess.Popen(
            command(arguments),
            env=self.environment(**more),
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
        )
        if process.stdin is not None:
            process.stdin.write(given)
            process.stdin.close()
        return Running(process)

    def jit(self, *arguments: str | Path, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Start it and wait for its end."""
        running = self.begin(*arguments, given=given, **more)
        status = running.end()
        return subprocess.CompletedProcess(list(map(str, arguments)), status, running.stdout, running.stderr)

    def sign_in(self, visitor: Visitor) -> None:
        """`jit login`, answered by this person in their browser."""
        running = self.begin("login", "--no-browser", self.address)
        answer_in_browser(running, visitor)
        assert running.end() == 0, running.stderr


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "jit_access.cli", *map(str, arguments)]


def answer_in_browser(running: Running | Screen, visitor: Visitor, *, verb: str = "allow") -> None:
    """Open the page that `jit` named, prove who one is where it asks, press the button, and go back to `jit`."""
    visitor.open(page_named_by(running).removeprefix(visitor.stack.web))
    visitor.prove_if_asked()
    visitor.submit("/oauth/authorize", decision=verb)
    answer = httpx.get(way_back(visitor.page.text), trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text


def page_named_by(running: Running | Screen) -> str:
    """The address that `jit` asks to open, the last one."""
    wait_for(lambda: _PAGE.search(running.stderr) or running.process.poll() is not None, "jit names the page")
    named = _PAGE.findall(running.stderr)
    assert named, running.stderr
    return str(named[-1])


def way_back(page: str) -> str:
    """Where the page sends the browser in the end: to the port on which `jit` listens."""
    back = _BACK.search(page)
    assert back, page
    return html.unescape(back[1])


def token_of(stack: Stack, agent: str = "ci-bot") -> str:
    """The API token of a service account of the demo."""
    agents: Sequence[Mapping[str, str]] = stack.demo["agents"]
    return next(one["api_token"] for one in agents if one["name"] == agent)


class Screen:
    """`jit` in a real terminal: what it writes is what a person sees, and what they type arrives as typed."""

    def __init__(self, seat: Seat, *arguments: str | Path, columns: int = 100, **more: str) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        def take_the_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command(arguments), stdin=theirs, stdout=theirs, stderr=theirs, cwd=seat.home,
            env=seat.environment(TERM="xterm-256color", **more), preexec_fn=take_the_terminal,  # noqa: PLW1509  # no other way to a terminal of its own
        )  # fmt: skip
        os.close(theirs)
        self._ours = ours
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def stderr(self) -> str:
        """Everything that was ever shown, without its colours; a line that was written over stays in it."""
        return _SGR.sub("", self.raw).replace("\r\n", "\n")

    @property
    def raw(self) -> str:
        return bytes(self._seen).decode("utf-8", "replace")

    def until_it_says(self, words: str) -> None:
        wait_for(lambda: words in self.stderr or self.process.poll() is not None, f"jit says {words!r}")
        assert words in self.stderr, self.stderr

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Its exit status, when it ends by itself."""
        status = self.process.wait(timeout=120)
        self._reader.join()
        os.close(self._ours)
        return status

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(self._ours, 65536):
                self._seen += piece
