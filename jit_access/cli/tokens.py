"""A token of a grant for one command: taken, renewed where it is due, and given back."""

from __future__ import annotations

import os
from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.kinds import GrantToken
from jit_access.cli.session import Session
from jit_access.cli.times import now, parse_instant
from jit_access.cli.troubles import Trouble

# The label tells other commands on whatever machine that this one ends the grant, or merely uses it.
_ENDS_IT, _USES_IT = "jit run, ends it, on ", "jit run on "
_LABEL_CHARS = 80
_LIVE = frozenset({"issued", "rotated"})


def is_ended_by_a_run(session: Session, grant_id: str) -> bool:
    """True when a `jit run` that is going on started this grant: whoever of its users is last ends it."""
    return any(row["label"].startswith(_ENDS_IT) for row in _live_tokens(session, grant_id))


def is_used_by_a_run(session: Session, grant_id: str) -> bool:
    """True when some `jit run` still works with it."""
    return any(row["label"].startswith((_ENDS_IT, _USES_IT)) for row in _live_tokens(session, grant_id))


def _live_tokens(session: Session, grant_id: str) -> list[dict[str, Any]]:
    return [row for row in session.pages(path_of("grants", grant_id, "tokens")) if row["state"] in _LIVE]


class RunToken:
    """The token of one run. Those of people last as long as the grant; those of agents are replaced in time."""

    def __init__(self, session: Session, grant: dict[str, Any], *, ends_it: bool) -> None:
        self._session = session
        self._grant = grant
        label = f"{_ENDS_IT if ends_it else _USES_IT}{os.uname().nodename}"[:_LABEL_CHARS]
        self._issued = session.post(path_of("grants", grant["id"], "tokens"), {"label": label})

    @property
    def held(self) -> GrantToken:
        issued = self._issued
        return GrantToken(
            grant=self._grant["id"],
            target=self._grant["target"],
            lease=issued["id"],
            token=issued["token"],
            until=str(issued["valid_until"]),
            access_key_id=issued.get("access_key_id", ""),
            secret_access_key=issued.get("secret_access_key", ""),
        )

    def renew_if_due(self) -> bool:
        """True when there is a new one. The old one works on for some minutes, so nothing that runs breaks at once."""
        due = parse_instant(self._issued["rotate_after"])
        if due is None or now() < due:
            return False
        try:
            self._issued = self._session.post(path_of("tokens", self._issued["id"], "rotate"))
        except Trouble as trouble:
            if trouble.code != "state-changed":
                raise
            return self._collect()  # the schedule was faster
        return True

    def revoke(self) -> None:
        """A repeat changes nothing."""
        self._session.post(path_of("tokens", self._issued["id"], "revoke"), is_repeatable=True)

    def _collect(self) -> bool:
        leases = {row["id"]: row for row in self._session.pages(path_of("grants", self._grant["id"], "tokens"))}
        successor = leases.get(self._issued["id"], {}).get("successor")
        if successor is None or not leases.get(successor, {}).get("is_waiting"):
            return False
        self._issued = self._session.post(path_of("tokens", successor, "collect"))
        return True
