"""A refusal at the edge: status, reason and a sentence. The connection ends with it."""

from __future__ import annotations

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason


class EdgeRefusal(CallerError):
    """The request was not understood, so nothing of it goes anywhere. `http_status` is what the client gets."""

    def __init__(self, http_status: int, reason: Reason, sentence: str = "") -> None:
        self.http_status = http_status
        super().__init__(reason, sentence)


def malformed(what: str) -> EdgeRefusal:
    """400 for bytes that two readers could read in two ways."""
    return EdgeRefusal(400, Reason.MALFORMED_REQUEST, f"The gateway refused this request: {what}.")
