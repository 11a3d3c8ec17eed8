"""The end of a trust, whoever brings it: the row moves, the log tells, and what was got under it ends with it."""

from __future__ import annotations

from typing import Final

from jit_access.accounts.models import User
from jit_access.audit.recorder import Recorder, audited
from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.actors import GATEWAY
from jit_access.domain.audit_record import clean_text
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.reasons import Reason, explain
from jit_access.notifications.services import tell
from jit_access.workloads.changes import announce_end
from jit_access.workloads.models import WorkloadTrust

_ENDS_TRUSTS: Final = frozenset({Reason.OWNER_CHANGED, Reason.AGENT_RETIRED})


def end_trust(audit: Recorder, pk: int, *, note: str = "") -> bool:
    """In the caller's transaction. False when it was over already."""
    trust = WorkloadTrust.objects.select_for_update(of=("self",)).get(pk=pk)
    if trust.state == TrustState.REVOKED:
        return False
    told = clean_text(note.strip())[:300]
    move(trust, TrustState.REVOKED, ended_at=clock.now(), ended_by_name=audit.actor.name[:120], end_note=told)
    audit.record("trust.revoked", reason=Reason.TRUST_ENDED, detail=facts_of(trust) | {"note": told})
    announce_end(audit.actor, trust)
    if audit.actor.id != trust.proposed_by.public_id:
        tell(
            trust.proposed_by,
            kind="trust.revoked",
            subject=f"{trust.name} is no longer trusted as {trust.agent.display_name}",
            text=f"{audit.actor.name} took it back. Its tokens are refused.{' Said was: ' + told if told else ''}",
            path=f"/agents/{trust.agent.public_id}/identities",
            dedupe_key=f"trust-revoked:{trust.public_id}",
        )
    return True


def end_with_agent(agent: User, reason: Reason) -> None:
    """Another person answers for it, or nobody ever will again: what its owner trusted is over.

    Handler of `accounts.changes`.
    """
    if reason not in _ENDS_TRUSTS:
        return
    standing = WorkloadTrust.objects.filter(agent=agent).exclude(state=TrustState.REVOKED).order_by("pk")
    with audited(actor=GATEWAY) as audit:
        for pk in standing.values_list("pk", flat=True):
            end_trust(audit, pk, note=explain(reason))


def facts_of(trust: WorkloadTrust) -> dict[str, str | int | bool]:
    """A trust as the log tells of it."""
    pins = {f"claim.{name}"[:120]: clean_text(value) for name, value in trust.claims.items()}
    return {
        "trust": trust.public_id,
        "account": trust.agent.public_id,
        "issuer": trust.issuer.issuer,
        "name": trust.name,
        "scope": trust.scope,
        "longest_token_s": trust.longest_token_s,
        "needs_key": trust.needs_key,
        "expires_at": clock.format_instant(trust.expires_at),
        **pins,
    }
