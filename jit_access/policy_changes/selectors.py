"""What a proposal would change in the text, and why somebody cannot sign it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of, members_of
from jit_access.core import clock
from jit_access.domain.lifecycle import ProposalState
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.locks.selectors import ground_of_account, locks_on, standing_locks
from jit_access.policies.loader import SCHEMA_FILE
from jit_access.policies.models import PolicyVersion
from jit_access.policies.selectors import get_version
from jit_access.policies.versions import active_version
from jit_access.policy_changes.models import PolicyProposal

CONTEXT_LINES = 3


@dataclass(frozen=True, slots=True)
class DiffLine:
    """`tone` is "added", "removed", "place" (where it is) or "" (what stays)."""

    text: str
    tone: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file that changes."""

    name: str
    lines: tuple[DiffLine, ...]


def diff_of(row: PolicyProposal) -> tuple[FileDiff, ...]:
    """Against the version that counted when it was proposed."""
    before = _files(get_version(row.base_number))
    after = _files(row.version_row)
    found = (
        FileDiff(name, tuple(_lines(before.get(name, ""), after.get(name, "")))) for name in sorted({*before, *after})
    )
    return tuple(one for one in found if one.lines)


def why_not_sign(actor: User, row: PolicyProposal) -> Reason | None:
    """None when this person may sign it now, given a fresh second factor. Pages show it, and the service goes by it."""
    if not actor.is_person or not actor.is_active or SECURITY not in groups_of(actor):
        return Reason.NOT_FOUND
    if actor.pk in _barred(row):
        return Reason.OWN_PROPOSAL
    if row.state != ProposalState.PROPOSED or row.expires_at <= clock.now():
        return Reason.PROPOSAL_CLOSED
    active = active_version()
    if row.base_number != (0 if active is None else active.number):
        return Reason.POLICY_MOVED_ON
    if row.signatures.filter(signer=actor).exists():
        return Reason.ALREADY_ANSWERED
    return Reason.LOCKED if _is_beside_locked(actor, row) else None


def standing_signers(row: PolicyProposal) -> tuple[User, ...]:
    """Who signed this digest and could still: a signature of somebody who left security does not count."""
    signed = row.signatures.filter(digest=row.digest).select_related("signer")
    able = {person.pk for person in possible_signers(row)}
    return tuple(one.signer for one in signed.order_by("pk") if one.signer_id in able)


def possible_signers(row: PolicyProposal) -> tuple[User, ...]:
    """Everybody of security who did not propose it, neither themselves nor through an account of theirs."""
    barred = _barred(row)
    return tuple(person for person in members_of(SECURITY) if person.pk not in barred)


def _barred(row: PolicyProposal) -> frozenset[int]:
    """Whoever proposed, and who answers for the account that did: now, and when it did."""
    owner_now = None if row.proposer is None else row.proposer.owner_id
    known = (row.proposer_id, owner_now, row.proposer_owner_id)
    return frozenset(pk for pk in known if pk is not None)


def _is_beside_locked(actor: User, row: PolicyProposal) -> bool:
    """A stolen account must not have made up half of it. Whoever signs does so again when the lock is over."""
    standing = standing_locks()
    behind = [actor, row.proposer, *standing_signers(row)]
    return any(locks_on(ground_of_account(one), standing) for one in behind if one is not None)


def latest_cases() -> dict[str, str]:
    """The cases of the newest proposal that counts or counted, for the next one to start from."""
    row = PolicyProposal.objects.filter(state=ProposalState.ACTIVATED).order_by("-pk").first()
    return dict(row.cases) if row is not None else {}


def _files(version: PolicyVersion | None) -> dict[str, str]:
    return {} if version is None else {**version.files, SCHEMA_FILE: version.schema_text}


def _lines(before: str, after: str) -> Iterator[DiffLine]:
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    old, new = before.splitlines(), after.splitlines()
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        yield DiffLine(f"from line {group[0][3] + 1}", "place")
        for tag, old_at, old_end, new_at, new_end in group:
            if tag == "equal":
                yield from (DiffLine(new[at], "", at + 1) for at in range(new_at, new_end))
            else:
                yield from (DiffLine(old[at], "removed") for at in range(old_at, old_end))
                yield from (DiffLine(new[at], "added", at + 1) for at in range(new_at, new_end))
