"""`jit env`: the environment of an open grant, for the shell that one is in.

No secret is printed: what is secret lies in private files, and the lines read it from there. So nothing of it is on the
screen, in the history or in a log that keeps what a step printed.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote

from jit_access.cli.access import open_grant, operations_of
from jit_access.cli.commands.running import image_of, placed
from jit_access.cli.folders import put
from jit_access.cli.helping import tokens_of
from jit_access.cli.kinds import Surroundings, surroundings
from jit_access.cli.places import folder_of
from jit_access.cli.resources import parse_resource
from jit_access.cli.session import Session
from jit_access.cli.times import until_words
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.wishes import check_host
from jit_access.cli.words import Mark


def env(options: argparse.Namespace, session: Session) -> int:
    """Lines for `eval`. Raises: Trouble when no grant of one's own is open for it."""
    wanted = parse_resource(options.resource)
    check_host(session, wanted)
    tokens = tokens_of(session)
    live = [dict(one) for one in tokens.live()]
    grant = open_grant(live, wanted, operations_of(options, wanted))
    if grant is None:
        raise Trouble(
            f"You hold no open grant to {wanted.shown}.",
            Exit.NOT_FOUND,
            code="grant-not-active",
            advice=f"jit request {wanted.shown} --for 1h --reason TEXT --wait, then: jit start {wanted.name}",
        )
    places, held = tokens.places, tokens.token(grant)
    kind = places.kind_of(grant["target"])
    found = surroundings(kind, places.gateway, held, places.username)
    folder = folder_of(session.client) / "env" / grant["id"]
    secrets = {value for value in (held.token, held.secret_access_key) if value}
    variables = dict(found.variables) | {"JIT_GRANT": grant["id"], "JIT_IMAGE": image_of(places, wanted)}
    _forget_others(folder, {str(one["id"]) for one in live})
    lines = _lines(found, variables, folder, secrets, is_fish=options.fish)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    put(folder, {**found.files, **_secret_files(variables, secrets)})
    if session.terminal.is_json:
        plain = {
            name: value for name, value in placed(variables, folder).items() if name not in _secret(variables, secrets)
        }
        files = {name: str(folder / _file(name)) for name in _secret(variables, secrets)}
        session.terminal.answer({"variables": plain, "secret_files": files, "unset": list(found.without)})
    else:
        session.terminal.data.write("\n".join(lines))
    session.terminal.say(Mark.OPEN, f"{grant['id']} ends {until_words(grant['valid_until'])}")
    return Exit.DONE


def _forget_others(folder: Path, live: Iterable[str]) -> None:
    """What was written for grants that are over opens nothing; it need not lie around."""
    kept = set(live)
    for other in folder.parent.glob("grt_*"):
        if other.name not in kept:
            shutil.rmtree(other, ignore_errors=True)


def _lines(
    found: Surroundings, variables: Mapping[str, str], folder: Path, secrets: Iterable[str], *, is_fish: bool
) -> list[str]:
    hidden = _secret(variables, secrets)
    lines = [f"set -e {name}" if is_fish else f"unset {name}" for name in found.without]
    for name, value in placed(variables, folder).items():
        if name in hidden:
            read = f"cat {quote(str(folder / _file(name)))}"
            lines.append(f"set -gx {name} ({read})" if is_fish else f'export {name}="$({read})"')
        else:
            lines.append(f"set -gx {name} {quote(value)}" if is_fish else f"export {name}={quote(value)}")
    return lines


def _secret(variables: Mapping[str, str], secrets: Iterable[str]) -> set[str]:
    return {name for name, value in variables.items() for secret in secrets if secret in value}


def _secret_files(variables: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    return {_file(name): variables[name] for name in _secret(variables, secrets)}


def _file(name: str) -> str:
    return f"{name.lower()}.secret"
