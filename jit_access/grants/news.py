"""What people are told about grants. Never decisive: it is written beside the change and delivered later."""

from __future__ import annotations

from collections.abc import Sequence

from jit_access.accounts.selectors import members_of
from jit_access.credentials.models import CredentialLease
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.roles import SECURITY
from jit_access.domain.scopes import ResourceScope, parse_scope
from jit_access.grants.models import Grant
from jit_access.locks.models import Lock
from jit_access.locks.selectors import refusal_of
from jit_access.notifications.alerts import alert
from jit_access.notifications.services import tell

# The holder did these, or saw them coming; there is nothing to tell.
_NOT_NEWS = frozenset({Reason.GRANT_RELINQUISHED, Reason.GRANT_EXTENDED})
_EXPOSED = "The gateway refuses it already. The target did not confirm; the gateway keeps trying."


def tell_holder_of_end(grant: Grant) -> None:
    """Your access ended, and why."""
    reason = Reason(grant.end_reason)
    if reason in _NOT_NEWS:
        return
    note = f" They wrote: {grant.end_note}" if grant.end_note else ""
    _tell_holder(grant, "grant-ended", "ended", f"{explain(reason)}{note}")


def tell_holder_of_rotation(grant: Grant, lease: CredentialLease) -> None:
    """A fresh token waits to be collected; the old one runs out soon."""
    _tell_holder(
        grant,
        "token-rotated",
        "has a fresh token",
        "Collect it once. The old token works on for a short while.",
        key=lease.public_id,
    )


def tell_holder_of_pause(grant: Grant, lock: Lock) -> None:
    """Your access stands still, and what of yours is locked. Why and by whom is for the security team to say."""
    text = f"{refusal_of(lock).sentence} What was running is cut. The clock of the access runs on."
    _tell_holder(grant, "grant-paused", "is paused", text, key=f"{lock.public_id}:{grant.public_id}")


def tell_security_of_lock(lock: Lock) -> None:
    """Everybody in security but whoever did it: a switch that one person throws is seen by the others."""
    for person in members_of(SECURITY):
        if person.pk == lock.placed_by_id:
            continue
        tell(
            person,
            kind="lock-placed",
            subject=f"{lock.placed_by_name} locked {lock.label}",
            text=f"{lock.placed_by_name} wrote: “{lock.reason}”",
            path=f"/locks/{lock.public_id}",
            dedupe_key=f"lock-placed:{lock.public_id}",
        )


def tell_security_of_exposure(grant: Grant) -> None:
    """An access that should be gone may still be there."""
    what = describe(grant)
    alert(
        "grant-exposed",
        subject=f"Exposed: could not revoke {grant.subject.display_name}’s access to {what}",
        text=_EXPOSED,
        path="/activity",
        dedupe_key=f"grant-exposed:{grant.public_id}",
    )
    for person in members_of(SECURITY):
        tell(
            person,
            kind="grant-exposed",
            subject=f"Could not revoke {grant.subject.display_name}'s access to {what}",
            text="\n\n".join([_EXPOSED, *each_of(grant.target.slug, grant.scope)]),
            path="/activity",
            dedupe_key=f"grant-exposed:{grant.public_id}",
        )


def cry_cuts(cut: Sequence[Grant], reason: Reason) -> None:
    """Access that ran and was ended against its holder's will, said loudly; many at once in one sentence."""
    if not cut:
        return
    first = cut[0]
    who = first.subject.display_name
    subject = f"Cut: {who}’s access to {describe(first)}"
    if len(cut) > 1:
        subject = f"Cut: {len(cut)} open grants, {who}’s access to {describe(first)} among them"
    alert(
        "grant-cut",
        subject=subject,
        text=f"{explain(reason)} ({reason})",
        path="/activity",
        dedupe_key=f"grant-cut:{first.public_id}",
    )


def describe(grant: Grant) -> str:
    """The grant's resources in a few words."""
    return describe_scope(grant.target.slug, grant.scope)


def describe_scope(slug: str, wire: object) -> str:
    """`demo-registry/llm/tiny-llama`, or how many of them. `each_of` names every one of several."""
    resources = parse_scope(wire).resources
    return f"{slug}/{resources[0].repository}" if len(resources) == 1 else f"{len(resources)} repositories at {slug}"


def each_of(slug: str, wire: object) -> tuple[str, ...]:
    """`pull and push demo-registry/llm/tiny-llama`, a line for each of several repositories; none for a single one."""
    resources = parse_scope(wire).resources
    if len(resources) == 1:
        return ()
    return tuple(
        f"{' and '.join(one.verb for one in Operation if one in part.operations)} {slug}/{part.repository}"
        f"{'' if part.is_whole else ', ' + _limits(part)}"
        for part in resources
    )


def _limits(part: ResourceScope) -> str:
    return f"only {', '.join([*part.tags, *part.digests, *part.files])}"


def _tell_holder(grant: Grant, kind: str, what: str, text: str, *, key: str = "") -> None:
    tell(
        grant.subject,
        kind=kind,
        subject=f"{'Access' if grant.subject.is_person else f'{grant.subject.display_name}’s access'} "
        f"to {describe(grant)} {what}",
        text="\n\n".join([text, *each_of(grant.target.slug, grant.scope)]),
        path="/access",
        dedupe_key=f"{kind}:{key or grant.public_id}",
    )
