"""`jit agent`: keeps a token in a file for tools that read one from there, as long as a grant is open.

It runs in the foreground and once per machine, account and gateway. It never asks for access and never extends it: what
is over is over, and its file goes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jit_access.cli.files import make_folder, write_text
from jit_access.cli.grant_tokens import GrantTokens, resources_in_words
from jit_access.cli.helping import one_line, quiet_session, tokens_of
from jit_access.cli.kinds import HF, MLFLOW
from jit_access.cli.session import Session
from jit_access.cli.times import duration_words
from jit_access.cli.token_files import token_folder
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark, Terminal

_SHORTEST_S, _LONGEST_S = 1, 3600
_KINDS = frozenset({HF, MLFLOW})  # all others have a helper that is asked each time


def agent(options: argparse.Namespace, session: Session) -> int:
    """Until it is told to stop; a clean stop takes the files away."""
    if not _SHORTEST_S <= options.every <= _LONGEST_S:
        raise Trouble(f"--every is from {_SHORTEST_S} to {_LONGEST_S} seconds.", Exit.USAGE)
    folder = token_folder(session.client)
    keeper = Keeper(folder, session.terminal)
    if options.once:
        keeper.bring_up_to_date(tokens_of(quiet_session(address=options.addr)))
        return Exit.DONE
    with _only_one(folder), _stopped() as stop:
        try:
            _keep_on(keeper, options, session.terminal, stop)
        finally:
            keeper.remove_all()
    session.terminal.say(Mark.DONE, "Stopped; the files are gone.")
    return Exit.DONE


def _keep_on(keeper: Keeper, options: argparse.Namespace, terminal: Terminal, stop: threading.Event) -> None:
    """The gateway being away for a while ends nothing: what it gave lives on until its end, and not longer."""
    terminal.say(Mark.OPEN, f"Tokens of open grants are kept in {keeper.folder}")
    was_away = False
    while not stop.is_set():
        try:
            # Read anew each time: somebody may have signed in again.
            keeper.bring_up_to_date(tokens_of(quiet_session(address=options.addr)))
            if was_away:
                terminal.say(Mark.DONE, "The gateway answers again.")
            was_away = False
        except Trouble as trouble:
            if trouble.status == Exit.SIGNED_OUT:
                raise
            if not was_away:
                terminal.say(Mark.ATTENTION, one_line(trouble), code=trouble.code)
            was_away = True
        keeper.remove_due()
        stop.wait(min(float(options.every), keeper.next_end_s()))


class Keeper:
    """The files, and until when each of them may stay whatever happens."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        self.folder = folder
        self._terminal = terminal
        self._ends: dict[str, float] = {}  # by target, on this machine's monotonic clock

    def bring_up_to_date(self, tokens: GrantTokens) -> None:
        """One file for each target with an open grant, of the one that was started last; no other files.

        Raises: Trouble, after those that could be written were.
        """
        asked_at = time.monotonic()
        newest = {grant["target"]: grant for grant in reversed(tokens.live())}
        wanted = {slug: grant for slug, grant in newest.items() if tokens.places.kind_of(slug) in _KINDS}
        for slug in self._held() - wanted.keys():
            self._remove(slug)
        trouble = None
        for slug, grant in wanted.items():
            try:
                self._write(slug, tokens.token(grant).token, resources_in_words(grant), grant["left_s"])
                self._ends[slug] = asked_at + grant["left_s"]
            except Trouble as exc:  # of this grant alone; the others are served first
                trouble = exc
        if trouble is not None:
            raise trouble

    def remove_due(self) -> None:
        """What is over by now goes, whether or not the gateway can be asked."""
        for slug in [slug for slug, end in self._ends.items() if end <= time.monotonic()]:
            self._remove(slug)

    def remove_all(self) -> None:
        for slug in self._held():
            self._remove(slug)

    def next_end_s(self) -> float:
        """How long until a file has to go."""
        return max(0.05, min(self._ends.values()) - time.monotonic()) if self._ends else float(_LONGEST_S)

    def _held(self) -> set[str]:
        if not self.folder.is_dir():
            return set()
        return {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}

    def _write(self, slug: str, token: str, about: str, left_s: int) -> None:
        path = self.folder / slug
        is_new = not path.exists()
        if is_new or path.read_text(encoding="utf-8") != token:
            write_text(path, token)
            word = "is kept" if is_new else "was replaced"
            self._terminal.say(Mark.OPEN, f"The token for {about} {word} in {path}, {duration_words(left_s)} left")

    def _remove(self, slug: str) -> None:
        self._ends.pop(slug, None)
        path = self.folder / slug
        if path.exists():
            path.unlink(missing_ok=True)
            self._terminal.say(Mark.DONE, f"The grant for {slug} is over; {path} is gone.")


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Raises: Trouble when another one keeps these files. A crash leaves no lock behind."""
    import fcntl  # noqa: PLC0415  # not there on every system

    make_folder(folder)
    descriptor = os.open(folder / ".agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble("Another `jit agent` keeps these files already.", Exit.FAILED, code="runs-already") from None
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _stopped() -> Iterator[threading.Event]:
    """Set by the signals that end a program, so that it ends by its own last lines."""
    stop = threading.Event()
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
