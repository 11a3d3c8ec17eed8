"""What can be wrong with the log itself."""

from __future__ import annotations

from typing import ClassVar

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason


class LogBroken(GatewayError):
    """The head of the log is not what we signed. Nothing may be written over it: that would hide the evidence."""

    status: ClassVar[int] = 503

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(Reason.AUDIT_UNAVAILABLE, f"The audit log was tampered with: {what}.")
