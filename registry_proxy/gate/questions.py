"""What one view says about the things wanted. Pure: no clock, no table."""

from __future__ import annotations

from collections.abc import Iterable

from jit_access.domain.operations import Operation, Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView
from registry_proxy.protocols.wanted import Wanted, reference_refusal


def refuse_wanted(view: SessionView, wanted: Iterable[Wanted]) -> Reason | None:
    """Why the first thing wanted that the view does not cover is not covered; None when all is."""
    for item in wanted:
        reason = _refuse_one(view, item)
        if reason is not None:
            return reason
    return None


def find_refused(view: SessionView, wanted: Iterable[Wanted]) -> Wanted | None:
    """What `refuse_wanted` speaks of: where two things are needed, people have to be told which one is missing."""
    return next((item for item in wanted if _refuse_one(view, item) is not None), None)


def _refuse_one(view: SessionView, item: Wanted) -> Reason | None:
    if item.target != view.target:
        return Reason.OUT_OF_SCOPE
    reason = view.scope.refusal(item.repository, item.operation)
    if reason is not None:
        return reason
    resource = view.scope.find(item.repository)
    if resource is None:
        return Reason.OUT_OF_SCOPE
    return reference_refusal(resource, item) or _refuse_file(view, item)


def _refuse_file(view: SessionView, item: Wanted) -> Reason | None:
    """A refused kind is neither read nor written. Taking such a file away is what one would hope for."""
    is_named = view.refused_files and item.file and item.operation is not Operation.DELETE
    return Reason.FILE_TYPE_REFUSED if is_named and view.refuses_file(item.file or "") else None


def weigh(view: SessionView, wanted: tuple[Wanted, ...]) -> tuple[bool, bool]:
    """Must this be cut when the control plane is lost; must the gateway hash what passes?

    What nobody is known to have said is the stricter of the two. Plain loops: this runs for every request.
    """
    strict = verify = False
    names = [item.repository for item in wanted] or [resource.repository for resource in view.scope.resources]
    for name in names:
        for facts in view.repositories:
            if facts.name == name:
                strict |= facts.staleness is not Staleness.BEST_EFFORT
                verify |= facts.verify_digests
                break
        else:
            return True, True
    return strict or not names, verify
