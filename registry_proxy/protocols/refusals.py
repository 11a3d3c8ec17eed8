"""A request that is well-formed HTTP, but not one that this protocol's table allows."""

from __future__ import annotations

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason


class Unclassified(CallerError):
    """Default deny: the route, its method or its query is not in the table. `code` is the OCI code, if not usual."""

    def __init__(self, http_status: int, reason: Reason, sentence: str = "", *, code: str = "") -> None:
        self.http_status = http_status
        self.code = code
        super().__init__(reason, sentence)
