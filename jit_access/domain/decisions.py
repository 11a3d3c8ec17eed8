"""The answer to one question: allow or deny, why, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """One allow or deny. A deny always carries the reason that a person can act on."""

    is_allowed: bool
    reason: Reason
    rule: str = ""


def allow(reason: Reason = Reason.GRANTED, rule: str = "") -> Decision:
    """Allow, naming the rule that opened it."""
    return Decision(True, reason, rule)


def deny(reason: Reason, rule: str = "") -> Decision:
    """Deny, naming the rule that closed it where there was one."""
    return Decision(False, reason, rule)
