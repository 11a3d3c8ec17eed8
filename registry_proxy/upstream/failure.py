"""A registry that did not answer, or not in a way that can be passed on."""

from __future__ import annotations

from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason


class UpstreamError(PeerError):
    """`http_status` is what the client gets: 502, or 504 when time ran out. Never the registry's own words.

    `place` is the origin that was refused, for the operator who has to name it; no path, no query, nothing secret.
    """

    def __init__(self, reason: Reason, http_status: int = 502, *, retryable: bool = False, place: str = "") -> None:
        self.http_status = http_status
        self.place = place
        super().__init__(reason, retryable=retryable)


def broken() -> UpstreamError:
    """The registry sent bytes that have no single meaning."""
    return UpstreamError(Reason.UPSTREAM_BROKEN)


def away(http_status: int = 502) -> UpstreamError:
    """The registry does not answer. Whoever waited a whole deadline (504) does not wait another."""
    return UpstreamError(Reason.UPSTREAM_AWAY, http_status, retryable=http_status != 504)
