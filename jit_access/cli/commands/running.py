"""`jit run`: access for as long as one command runs.

What is started is given back, whatever happens: when the command ends, when it cannot be started, at Ctrl-C or SIGTERM.
Only SIGKILL is left, and then the grant ends by its own clock.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jit_access.cli.access import Access, get_access
from jit_access.cli.children import Signals, Stopped
from jit_access.cli.folders import private_folder, put
from jit_access.cli.giving_back import give_back, tell_if_cut
from jit_access.cli.kinds import OCI, Surroundings, surroundings
from jit_access.cli.places import Places
from jit_access.cli.resources import Resource, parse_resource
from jit_access.cli.session import Session
from jit_access.cli.times import clock_words, duration_words, now, parse_instant
from jit_access.cli.tokens import RunToken
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.wishes import check_host
from jit_access.cli.words import Mark

_IMAGE = "{image}"
# Never handed on: the command gets access to one thing, not to everything that whoever is signed in may do.
_OURS_ALONE = ("JIT_TOKEN", "JIT_TOKEN_FILE")
_REMIND_AT_S = 600
_REMIND_FROM_S = 1200  # of what lasts less than that, its user knows


def run(options: argparse.Namespace, session: Session) -> int:
    """The exit status of the command, or why it was not started."""
    command = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
    if not command:
        raise Trouble("Name a command: jit run RESOURCE -- COMMAND", Exit.USAGE)
    if shutil.which(command[0]) is None:
        raise Trouble(f"There is no command {command[0]} here, so nothing was asked for.", Exit.NO_SUCH_COMMAND)
    wanted = parse_resource(options.resource)
    check_host(session, wanted)
    with Signals() as signals:
        try:
            access = get_access(session, options, wanted, go_on=go_on_words(options, command))
            return Run(session, access, wanted, signals).carry_out(command, is_kept=options.keep)
        except Stopped as stopped:
            return stopped.status


class Run:
    """One command under one grant."""

    def __init__(self, session: Session, access: Access, wanted: Resource, signals: Signals) -> None:
        self._session = session
        self._access = access
        self._wanted = wanted
        self._signals = signals
        self._is_reminded = access.grant["left_s"] < _REMIND_FROM_S
        self._token: RunToken | None = None

    def carry_out(self, command: Sequence[str], *, is_kept: bool) -> int:
        status: int | None = None
        try:
            with private_folder() as folder:
                token = self._token = RunToken(self._session, self._access.grant, ends_it=self._access.is_ours)
                places = Places(self._session.client)

                def made() -> Surroundings:
                    return self._surroundings(places, token)

                first = made()
                put(folder, first.files)
                image = image_of(places, self._wanted)
                environment = environment_of(first, folder) | {
                    "JIT_GRANT": self._access.grant["id"],
                    "JIT_IMAGE": image,
                }
                words = [word.replace(_IMAGE, image) for word in command]
                status = self._signals.run(words, environment, self._looking(folder, made))
                return status
        finally:
            self._signals.is_deaf = True
            if status:
                tell_if_cut(self._session, self._access.grant)
            give_back(self._session, self._access, self._token, is_kept=is_kept)

    def _surroundings(self, places: Places, token: RunToken) -> Surroundings:
        kind = places.kind_of(self._access.grant["target"])
        return surroundings(kind, places.gateway, token.held, places.username)

    def _looking(self, folder: Path, made: Callable[[], Surroundings]) -> Callable[[], None]:
        """While the command runs: its token stays good, and nobody is surprised by the end."""

        def look() -> None:
            self._remind()
            try:
                if self._token is not None and self._token.renew_if_due():
                    put(folder, made().files)
            except Trouble as trouble:
                self._session.terminal.say(Mark.ATTENTION, f"The token could not be renewed: {trouble.sentence}")

        return look

    def _remind(self) -> None:
        until = parse_instant(self._access.grant["valid_until"])
        if self._is_reminded or until is None:
            return
        left_s = round((until - now()).total_seconds())
        if 0 < left_s < _REMIND_AT_S:
            self._is_reminded = True
            terminal = self._session.terminal
            terminal.say(Mark.ATTENTION, f"Ends in {duration_words(left_s)}, at {clock_words(until)}")
            terminal.note(f"From another terminal: jit extend {self._access.grant['id']} --for 1h --reason TEXT")


def environment_of(found: Surroundings, folder: Path) -> dict[str, str]:
    """What we have, but for what is ours alone and what would lead past the gateway."""
    kept = {name: value for name, value in os.environ.items() if name not in {*_OURS_ALONE, *found.without}}
    return kept | placed(found.variables, folder)


def placed(variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {name: value.replace("{folder}", str(folder)) for name, value in variables.items()}


def image_of(places: Places, wanted: Resource) -> str:
    """`host/target/repository:tag`, as clients of registries write it; for other kinds the name of the resource."""
    if places.kind_of(wanted.target) != OCI:
        return wanted.repository
    return f"{places.gateway.hosts[0]}/{wanted.name}{wanted.reference}"


def go_on_words(options: argparse.Namespace, command: Sequence[str]) -> str:
    """The same again finds the request and waits on. It needs no reason any more."""
    operations = [word for name in options.op for word in ("--op", name)]
    return shlex.join(["jit", "run", *operations, options.resource, "--", *command])
