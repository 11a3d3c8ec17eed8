"""Asks the control plane what movable names mean to a grant (ADR 0017). On the event loop: a request waits for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import httpx

from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from registry_proxy.control_client.channel import open_waiting_channel
from registry_proxy.settings import Settings

_log = logging.getLogger(__name__)


class PinBoard:
    """What was settled first stands, for every process and after each restart. Nothing is remembered here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http: httpx.AsyncClient | None = None

    async def settle(self, grant_id: str, repository: str, names: Mapping[str, str]) -> dict[str, str]:
        """Every pin of this repository and grant, these names among them. Raises PeerError."""
        if self._http is None:
            self._http = open_waiting_channel(self._settings)
        body = {"grant": grant_id, "repository": repository, "names": dict(names)}
        try:
            answer = await self._http.post("/internal/v1/pins", json=body)
            answer.raise_for_status()
            pins = answer.json()["pins"]
            is_sound = all(isinstance(word, str) for pair in pins.items() for word in pair)
            if not is_sound or not {name for name, means in names.items() if means} <= pins.keys():
                raise ValueError("pins")
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            _log.warning("names could not be pinned: %s", type(exc).__name__)
            raise PeerError(Reason.CONTROL_PLANE_LOST, retryable=True) from exc
        return dict(pins)

    async def close(self) -> None:
        """The process ends."""
        if self._http is not None:
            await self._http.aclose()
