"""The sign-in of this machine: one token per gateway, in a file of mode 0600 or in the system's keyring.

Others may use it too (docker starts `docker-credential-jit`, `jit agent` runs for days), so it is read anew each time
and written under a lock.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jit_access.cli import files
from jit_access.cli.troubles import Exit, Trouble

TOKENS = "tokens.json"
_KEYRING_SERVICE = "jit-access"
_MAX_TOKEN_CHARS = 4096
_NEARLY_OVER_S = 60.0


class Held(NamedTuple):
    """A token for the gateway's API, and what is known of it. `expires_at` is in seconds since 1970; 0: not known."""

    token: str
    kind: str = "api"  # or "access": signed in by browser, device or workload, so it can be proved again
    username: str = ""
    expires_at: float = 0.0
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"Held(kind={self.kind!r}, username={self.username!r})"  # never the token: this may reach a traceback


def is_nearly_over(held: Held) -> bool:
    """Within a minute by this machine's clock, or over already."""
    return 0 < held.expires_at < time.time() + _NEARLY_OVER_S


def find(address: str) -> Held | None:
    """The token for this gateway: from JIT_TOKEN_FILE, JIT_TOKEN, the keyring or the file, in this order."""
    named = os.environ.get("JIT_TOKEN_FILE", "")
    if named:
        return Held(_from_file(Path(named)))
    given = os.environ.get("JIT_TOKEN", "").strip()
    if given:
        return Held(check_token(given))
    kept = _sites().get(address)
    if not isinstance(kept, Mapping):
        return None
    held = _held(kept)
    return held._replace(token=_from_keyring(address)) if kept.get("is_in_keyring") else held


def is_given() -> bool:
    """True when the environment brings the token, so that nothing is kept or renewed here."""
    return bool(os.environ.get("JIT_TOKEN_FILE") or os.environ.get("JIT_TOKEN"))


def keep(address: str, held: Held, *, in_keyring: bool | None = None) -> None:
    """Remember the sign-in; None goes on as before. Raises: Trouble where there is no keyring, and one is asked for."""
    with files.locked(_path().with_suffix(".lock")):
        sites = dict(_sites())
        before = sites.get(address)
        was_there = isinstance(before, Mapping) and bool(before.get("is_in_keyring"))
        uses_keyring = was_there if in_keyring is None else in_keyring
        body = dict(held._asdict())
        if uses_keyring:
            _keyring().set_password(_KEYRING_SERVICE, address, held.token)
            body |= {"token": "", "is_in_keyring": True}
        sites[address] = body
        files.write_private(_path(), {"v": 1, "sites": sites})


def forget(address: str) -> None:
    """The sign-in is over. Nothing there is fine too."""
    with files.locked(_path().with_suffix(".lock")):
        sites = dict(_sites())
        gone = sites.pop(address, None)
        if isinstance(gone, Mapping) and gone.get("is_in_keyring"):
            _keyring().delete_password(_KEYRING_SERVICE, address)
        if gone is not None:
            files.write_private(_path(), {"v": 1, "sites": sites})


def check_token(text: str) -> str:
    """What can stand in a header line. Raises: Trouble."""
    token = text.strip()
    if not token or len(token) > _MAX_TOKEN_CHARS or not token.isascii() or not token.isprintable() or " " in token:
        raise Trouble("That is not a token: it is one word without spaces.", Exit.USAGE)
    return token


def _path() -> Path:
    return files.state_folder() / TOKENS


def _sites() -> Mapping[str, object]:
    sites = files.read_private(_path()).get("sites", {})
    return sites if isinstance(sites, Mapping) else {}


def _held(kept: Mapping[str, object]) -> Held:
    texts = {name: str(kept.get(name) or "") for name in ("token", "kind", "username", "refresh_token")}
    expires_at = kept.get("expires_at")
    return Held(**texts, expires_at=float(expires_at) if isinstance(expires_at, int | float) else 0.0)


def _from_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            files.refuse_shared(path, os.fstat(file.fileno()))
            return check_token(file.read(_MAX_TOKEN_CHARS + 2))
    except (OSError, UnicodeDecodeError) as exc:
        raise Trouble(f"JIT_TOKEN_FILE {path} cannot be read.", Exit.USAGE) from exc


def _from_keyring(address: str) -> str:
    token = _keyring().get_password(_KEYRING_SERVICE, address)
    if not token:
        raise Trouble("The keyring has lost the sign-in.", Exit.SIGNED_OUT, advice="jit login")
    return str(token)


def _keyring() -> Any:
    """The module of that name, which may not be there, is slow to load, and most do without."""
    try:
        return importlib.import_module("keyring")
    except ImportError:
        raise Trouble(
            "There is no keyring module here.", Exit.USAGE, advice="pip install keyring, or leave --keyring out"
        ) from None
