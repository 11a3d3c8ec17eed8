"""Four families of failure: whose fault it was, and what to do next.

`CallerError` (the caller can mend it), `PeerError` (a target, a mail server or a node misbehaved),
`PolicyRefusal` (a decision, not a failure) and Python's own exceptions for bugs of ours.
No error text ever holds a secret or the body that a foreign server sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jit_access.domain.reasons import Reason, explain


class GatewayError(Exception):
    """Base of every failure with a stable code.

    `reason` is the closed kebab-case code, `sentence` what people read, `fields` the structured facts.
    """

    status: ClassVar[int] = 500

    def __init__(self, reason: Reason, sentence: str = "", **fields: str | int | bool) -> None:
        self.reason = reason
        self.sentence = sentence or explain(reason)
        self.fields: Mapping[str, str | int | bool] = fields
        super().__init__(f"{self.sentence} ({reason})")


class CallerError(GatewayError):
    """The request was malformed, impossible or not the caller's to make."""

    status = 400


class NotFound(CallerError):
    """Unknown, or hidden from this actor: both look the same from outside."""

    status = 404

    def __init__(self, sentence: str = "", **fields: str | int | bool) -> None:
        super().__init__(Reason.NOT_FOUND, sentence, **fields)


class Conflict(CallerError):
    """Somebody else was first, or the object is in a state that does not allow this."""

    status = 409


class PeerError(GatewayError):
    """A peer misbehaved or did not answer. `retryable` says whether trying again can help."""

    status = 502

    def __init__(self, reason: Reason, sentence: str = "", *, retryable: bool, **fields: str | int | bool) -> None:
        self.retryable = retryable
        super().__init__(reason, sentence, **fields)


class PolicyRefusal(GatewayError):
    """A rule said no. Carries every reason, the deciding one first."""

    status = 403

    def __init__(
        self,
        reason: Reason,
        sentence: str = "",
        *,
        also: tuple[Reason, ...] = (),
        rule: str = "",
        **fields: str | int | bool,
    ) -> None:
        self.also = also
        self.rule = rule
        super().__init__(reason, sentence, **fields)
