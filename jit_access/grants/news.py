"""What people are told about grants. Never decisive: it is written beside the change and delivered later."""

from __future__ import annotations

from jit_access.accounts.selectors import members_of
from jit_access.credentials.models import CredentialLease
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.roles import SECURITY
from jit_access.domain.scopes import parse_scope
from jit_access.grants.models import Grant
from jit_access.notifications.services import tell

# The holder did these, or saw them coming; there is nothing to tell.
_NOT_NEWS = frozenset({Reason.GRANT_RELINQUISHED, Reason.GRANT_EXTENDED})


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


def tell_security_of_exposure(grant: Grant) -> None:
    """An access that should be gone may still be there."""
    what = describe(grant)
    for person in members_of(SECURITY):
        tell(
            person,
            kind="grant-exposed",
            subject=f"Could not revoke {grant.subject.display_name}'s access to {what}",
            text="The gateway refuses it already. The target did not confirm; the gateway keeps trying.",
            path="/activity",
            dedupe_key=f"grant-exposed:{grant.public_id}",
        )


def describe(grant: Grant) -> str:
    """The grant's resources in a few words."""
    return describe_scope(grant.target.slug, grant.scope)


def describe_scope(slug: str, wire: object) -> str:
    """`demo-registry/llm/tiny-llama`, and how many more."""
    resources = parse_scope(wire).resources
    more = f" and {len(resources) - 1} more" if len(resources) > 1 else ""
    return f"{slug}/{resources[0].repository}{more}"


def _tell_holder(grant: Grant, kind: str, what: str, text: str, *, key: str = "") -> None:
    tell(
        grant.subject,
        kind=kind,
        subject=f"{'Access' if grant.subject.is_person else f'{grant.subject.display_name}’s access'} "
        f"to {describe(grant)} {what}",
        text=text,
        path="/access",
        dedupe_key=f"{kind}:{key or grant.public_id}",
    )
