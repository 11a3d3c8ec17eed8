"""What one view says about the things wanted. Pure: no clock, no table."""

from __future__ import annotations

from collections.abc import Iterable

from jit_access.domain.operations import Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import RepositoryFacts, SessionView
from registry_proxy.protocols.wanted import Wanted, reference_refusal


def refuse_wanted(view: SessionView, wanted: Iterable[Wanted]) -> Reason | None:
    """The first thing wanted that the view does not cover, or a budget that is spent; None when all is covered."""
    for item in wanted:
        reason = _refuse_one(view, item)
        if reason is not None:
            return reason
    if view.byte_budget and view.bytes_used >= view.byte_budget:
        return Reason.BUDGET_SPENT
    return None


def _refuse_one(view: SessionView, item: Wanted) -> Reason | None:
    if item.target != view.target:
        return Reason.OUT_OF_SCOPE
    reason = view.scope.refusal(item.repository, item.operation)
    if reason is not None:
        return reason
    resource = view.scope.find(item.repository)
    return reference_refusal(resource, item) if resource is not None else Reason.OUT_OF_SCOPE


def is_strict(view: SessionView, wanted: Iterable[Wanted]) -> bool:
    """Must this be cut when the control plane is lost? What is not known to be best-effort is strict."""
    facts = _facts(view, wanted)
    return not facts or any(item is None or item.staleness is not Staleness.BEST_EFFORT for item in facts)


def verifies_digests(view: SessionView, wanted: Iterable[Wanted]) -> bool:
    """Must the gateway itself hash what passes? Yes for what is not known."""
    return any(item is None or item.verify_digests for item in _facts(view, wanted))


def _facts(view: SessionView, wanted: Iterable[Wanted]) -> list[RepositoryFacts | None]:
    names = [item.repository for item in wanted] or [resource.repository for resource in view.scope.resources]
    return [view.repository(name) for name in names]
