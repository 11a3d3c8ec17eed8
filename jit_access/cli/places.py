"""Where the gateway is for clients, and of which kind each target is. Kept, because helpers ask on every pull.

Neither is a secret and neither decides anything: a stale line costs one more question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jit_access.cli.client import Client
from jit_access.cli.files import read_private, state_folder, write_private
from jit_access.cli.kinds import Gateway
from jit_access.cli.troubles import Trouble

KEPT_S = 24 * 3600.0


class Places:
    """What one account was told by one gateway."""

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._path = folder_of(client) / "places.json"
        self._kept: dict[str, Any] | None = None

    @property
    def gateway(self) -> Gateway:
        """Its addresses, at most a day old. Raises: Trouble."""
        said = self._facts()["gateway"]
        return Gateway(said["url"], said["tls_url"])

    @property
    def username(self) -> str:
        """Of the account; clients of registries want one beside the token."""
        return str(self._facts()["me"]["name"])

    def is_mine(self, grant: Mapping[str, Any]) -> bool:
        """A person also sees the grants of their service accounts, but holds no tokens of them."""
        return bool(grant["subject"]["id"] == self._facts()["me"]["id"])

    def kind_of(self, target: str) -> str:
        """Of a target by its slug; empty when there is none that this account may know. A kind never changes."""
        if target not in self._facts()["kinds"]:
            self.read()
        return str(self._facts()["kinds"].get(target, ""))

    def targets(self, kind: str) -> tuple[str, ...]:
        """Every target of a kind, asked anew."""
        self.read()
        return tuple(sorted(slug for slug, held in self._facts()["kinds"].items() if held == kind))

    def read(self) -> dict[str, Any]:
        """Ask, and keep what was said. Raises: Trouble."""
        person = self._client.get("/me")["person"]
        said = self._kept = {
            "gateway": self._client.get("/gateway"),
            "kinds": {row["slug"]: row["kind"] for row in self._client.pages("/targets")},
            "me": {"id": person["id"], "name": person["name"]},
            "of": _fingerprint(self._client.token),
            "read_at": self._clock(),
        }
        write_private(self._path, said)
        return said

    def _facts(self) -> dict[str, Any]:
        if self._kept is not None:
            return self._kept
        try:
            kept = dict(read_private(self._path))
        except Trouble:
            kept = {}  # nothing is lost: it is asked again
        read_at = kept.get("read_at")
        is_fresh = isinstance(read_at, float) and 0 <= self._clock() - read_at < KEPT_S
        if not is_fresh or kept.get("of") != _fingerprint(self._client.token):
            return self.read()
        self._kept = kept
        return kept


def folder_of(client: Client) -> Path:
    """What belongs to one gateway, apart from what belongs to another."""
    name = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in client.site.host)
    return state_folder() / "gateways" / name


def _fingerprint(token: str) -> str:
    """Tells one account's token from another's without holding either."""
    import hashlib  # noqa: PLC0415  # not every start of `jit` needs it

    return hashlib.sha256(token.encode()).hexdigest()[:16]
