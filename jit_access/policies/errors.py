"""The failure of this room that callers branch on."""

from __future__ import annotations

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason


class PolicyBroken(CallerError):
    """The policy files cannot be used. `problems` says where and why, one line each; no row was changed."""

    status = 422

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(Reason.POLICY_BROKEN, f"The policy cannot be used: {problems[0]}", problems=len(problems))
