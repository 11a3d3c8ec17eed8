"""What a scope means at a kind of target. Stands here so that requests and envelopes refuse the same dead letters."""

from __future__ import annotations

from jit_access.domain.errors import CallerError
from jit_access.domain.narrowing import limit_without_meaning
from jit_access.domain.operations import Operation, operations_of
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope
from jit_access.targets.models import Target


def check_meaning(target: Target, scope: Scope) -> None:
    """Raises: CallerError for what this kind of target does not have: nobody is asked to approve a dead letter."""
    for part in scope.resources:
        known = operations_of(target.kind, part.repository)
        if strange := sorted(part.operations - known):
            names = ", ".join(operation.value for operation in Operation if operation in known)
            where = f"There is no {strange[0]} at {target.slug} on {part.repository}."
            raise CallerError(Reason.INVALID_INPUT, f"{where} Ask for some of: {names}.")
        if limit := limit_without_meaning(target.kind, part):
            raise CallerError(Reason.INVALID_INPUT, f"{part.repository} at {target.slug} cannot be limited by {limit}.")
