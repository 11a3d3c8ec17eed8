"""A token of a grant for one command: taken, renewed where it is due, and given back."""

from __future__ import annotations

import os
from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.kinds import GrantToken
from jit_access.cli.session import Session
from jit_access.cli.times import now, parse_instant
from jit_access.cli.troubles import Trouble

_LABEL = "jit run on "
_LABEL_CHARS = 80


class RunToken:
    """The token of one run. Those of people last as long as the grant; those of agents are replaced in time."""

    def __init__(self, session: Session, grant: dict[str, Any]) -> None:
        self._session = session
        self._grant = grant
        label = f"{_LABEL}{os.uname().nodename}"[:_LABEL_CHARS]
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
