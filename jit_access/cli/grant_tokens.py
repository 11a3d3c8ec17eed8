"""Tokens of one's own live grants, for the helpers: one of each grant on this machine, kept in a private file.

Which grants are live is asked each time, and the gateway's clock decides what is over. A token is shown once, so it is
kept; whether somebody revoked it is asked when that was not asked for half a minute.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jit_access.cli.client import Client, path_of
from jit_access.cli.files import locked, read_private, write_private
from jit_access.cli.kinds import GrantToken
from jit_access.cli.places import Places, folder_of
from jit_access.cli.times import parse_instant
from jit_access.cli.troubles import Exit, Trouble

CHECKED_FOR_S = 30.0
CHOICE = "JIT_GRANT"  # names one of several live grants
_LABEL_CHARS = 80
_USABLE = "issued"
_REPLACED = "rotated"
_KEPT = frozenset(
    {"grant", "lease", "token", "valid_until", "rotate_after", "checked_at", "access_key_id", "secret_access_key"}
)

Grant = Mapping[str, Any]


class GrantTokens:
    """The live grants of the account that is signed in, and a token of each that is asked for."""

    def __init__(self, client: Client, places: Places | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self.places = places or Places(client)
        self._folder = folder_of(client) / "grants"

    def live(self) -> list[Grant]:
        """Own grants that are open now, the one that was started last first. Raises: Trouble."""
        rows = [row for row in self._client.pages("/grants", state="active") if self.places.is_mine(row)]
        rows = [row for row in rows if row["left_s"] > 0]
        self._forget_others(rows)
        return sorted(rows, key=lambda row: (row["activated_at"], row["id"]), reverse=True)

    def token(self, grant: Grant) -> GrantToken:
        """One that opens the gateway now: the one that is kept, its successor, or a new one. Raises: Trouble."""
        with locked(self._folder / ".lock"):  # clients start several helpers at once; a grant has ten tokens at most
            kept = self._kept(grant)
            if not self._is_good(kept, grant):
                before, kept = kept, self._renewed(kept, grant)
                write_private(self._file(kept), kept)
                if before and before["grant"] != grant["id"]:
                    self._file(before).unlink(missing_ok=True)
            return _told(kept, grant)

    def forget(self, grant: Grant) -> None:
        """Revoke the token that is kept here, and remove it. Raises: Trouble."""
        with locked(self._folder / ".lock"):
            kept = self._kept(grant)
            if kept:
                self._client.post(path_of("tokens", str(kept["lease"]), "revoke"), is_repeatable=True)
                self._file(kept).unlink(missing_ok=True)

    def _kept(self, grant: Grant) -> dict[str, Any]:
        """Of this grant, or of the one that it extends: its tokens go on under the new grant."""
        for grant_id in (grant["id"], grant["extends"]):
            found = read_private(self._folder / f"{grant_id}.json") if grant_id else {}
            if found.keys() >= _KEPT:
                return dict(found)
        return {}

    def _file(self, kept: Mapping[str, Any]) -> Path:
        return self._folder / f"{kept['grant']}.json"

    def _is_good(self, kept: Mapping[str, Any], grant: Grant) -> bool:
        """It lives as long as its grant, is not due for a successor, and was seen alive a moment ago."""
        if not kept or kept["grant"] != grant["id"]:
            return False
        until, due = parse_instant(kept["valid_until"]), parse_instant(kept["rotate_after"])
        is_whole = until is not None and until >= _end_of(grant)
        is_due = due is not None and _server_now(grant) >= due
        return is_whole and not is_due and 0 <= self._clock() - kept["checked_at"] < CHECKED_FOR_S

    def _renewed(self, kept: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
        """Ask what became of the kept token, and act on that."""
        answer = self._client.get(path_of("grants", grant["id"], "tokens"))
        leases = {row["id"]: row for row in (answer if isinstance(answer, list) else answer["results"])}
        lease = leases.get(str(kept.get("lease", "")))
        if lease is not None and lease["state"] == _USABLE:
            due = parse_instant(lease["rotate_after"])
            if due is None or _server_now(grant) < due:
                return {**kept, **self._facts(lease, grant)}
            return self._issued(self._client.post(path_of("tokens", lease["id"], "rotate")), grant)
        successor = leases.get(str(lease["successor"])) if lease is not None and lease["state"] == _REPLACED else None
        if successor is not None and successor["is_waiting"]:
            return self._issued(self._client.post(path_of("tokens", successor["id"], "collect")), grant)
        label = f"jit on {os.uname().nodename}"[:_LABEL_CHARS]
        return self._issued(self._client.post(path_of("grants", grant["id"], "tokens"), {"label": label}), grant)

    def _issued(self, answer: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
        return {
            **self._facts(answer, grant),
            "token": answer["token"],
            "access_key_id": answer.get("access_key_id", ""),
            "secret_access_key": answer.get("secret_access_key", ""),
        }

    def _facts(self, lease: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
        return {
            "grant": grant["id"],
            "lease": lease["id"],
            "valid_until": lease["valid_until"],
            "rotate_after": lease["rotate_after"],
            "checked_at": self._clock(),
        }

    def _forget_others(self, grants: Sequence[Grant]) -> None:
        """A token of a grant that is over opens nothing; it need not lie around. Of an extended grant it does."""
        named = {str(grant[name]) for grant in grants for name in ("id", "extends")}
        if self._folder.is_dir():
            for path in self._folder.glob("*.json"):
                if path.stem not in named:
                    path.unlink(missing_ok=True)


def choose(grants: Sequence[Grant], *, wanted: str = "") -> Grant | None:
    """The grant that is meant: the one that was named, else the one that was started last.

    A client tells a helper the host and nothing else, so with several live grants the helper cannot know which one a
    pull is about. Who just started a grant is about to use it. Raises: Trouble when the named one is not among them.
    """
    named = wanted or os.environ.get(CHOICE, "")
    if not named:
        return grants[0] if grants else None
    found = next((grant for grant in grants if grant["id"] == named), None)
    if found is None:
        where = "--grant" if wanted else CHOICE
        raise Trouble(f"{where} names {named}, and that grant is not open here.", Exit.NOT_FOUND, code="not-found")
    return found


def resources_in_words(grant: Grant) -> str:
    """`demo-registry/llm/tiny-llama`, and how many more."""
    names = [f"{grant['target']}/{part['repository']}" for part in grant["resources"]]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _end_of(grant: Grant) -> datetime:
    end = parse_instant(grant["valid_until"])
    if end is None:
        raise Trouble("The gateway names no end for a grant that runs.", Exit.AWAY, code="not-the-gateway")
    return end


def _server_now(grant: Grant) -> datetime:
    """The gateway's clock, as its answer shows it: this machine's may be wrong."""
    return _end_of(grant) - timedelta(seconds=grant["left_s"])


def _told(kept: Mapping[str, Any], grant: Grant) -> GrantToken:
    token_end = parse_instant(kept["valid_until"])
    end = _end_of(grant) if token_end is None else min(token_end, _end_of(grant))
    return GrantToken(
        grant=grant["id"],
        target=grant["target"],
        lease=kept["lease"],
        token=kept["token"],
        until=end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        access_key_id=kept["access_key_id"],
        secret_access_key=kept["secret_access_key"],
    )
