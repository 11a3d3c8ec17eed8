"""One audit record in words: its outcome as a badge, what was done as a phrase. Unknown kinds have a form, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord
from jit_access.web import figures
from jit_access.web.viewmodels.activity import RecordRow
from jit_access.web.viewmodels.parts import Badge, Resource

ALLOWED = Badge("Allowed", "check", "live")
REFUSED = Badge("Refused", "x", "stop")
CUT = Badge("Cut", "cut", "stop")
DONE = Badge("Done", "check")


@dataclass(frozen=True, slots=True)
class KindWords:
    """How a kind of record is shown: `phrase` may name the operation and the reference."""

    badge: Badge
    phrase: str


_KINDS: dict[str, KindWords] = {
    "request.submitted": KindWords(Badge("Asked", "inbox"), "Asked for access"),
    "request.withdrawn": KindWords(Badge("Withdrawn", "back"), "Withdrew the request"),
    "request.approved": KindWords(Badge("Approved", "check", "live"), "Everyone who had to agree did"),
    "request.denied": KindWords(Badge("Denied", "x", "stop"), "The request was denied"),
    "request.expired": KindWords(Badge("No answer", "clock"), "Nobody answered in time"),
    "request.invalidated": KindWords(Badge("Ended", "x", "stop"), "The request ended before it was decided"),
    "verdict.given": KindWords(Badge("Answered", "check"), "Gave a verdict"),
    "grant.created": KindWords(Badge("Granted", "check"), "Access was granted, not started"),
    "grant.activating": KindWords(Badge("Starting", "play"), "The grant is being set up"),
    "grant.activated": KindWords(Badge("Started", "play", "live"), "Started the grant"),
    "grant.activation_failed": KindWords(Badge("Failed", "alert", "stop"), "The grant could not start"),
    "grant.extended": KindWords(Badge("Extended", "history"), "A longer grant took over"),
    "grant.revoked": KindWords(Badge("Revoked", "cut", "stop"), "The grant was revoked"),
    "grant.relinquished": KindWords(Badge("Ended", "check"), "Ended the grant"),
    "grant.expired": KindWords(Badge("Time ran out", "check"), "The grant's time ran out"),
    "grant.ended": KindWords(Badge("Ended", "check"), "Nothing is left of the grant"),
    "grant.revoke_failed": KindWords(Badge("Exposed", "alert", "stop"), "The target could not be told"),
    "grant.suspended": KindWords(Badge("Paused", "stop", "wait"), "The grant was paused"),
    "grant.resumed": KindWords(Badge("Active", "check", "live"), "The grant was taken up again"),
    "lease.issued": KindWords(Badge("Token made", "key"), "Made a token"),
    "lease.rotated": KindWords(Badge("Rotated", "history"), "Replaced a token"),
    "lease.collected": KindWords(Badge("Collected", "key"), "Collected a token"),
    "lease.revoked": KindWords(Badge("Token ended", "x"), "A token was revoked"),
    "lease.expired": KindWords(Badge("Token ended", "clock"), "A token ran out"),
    "policy.activated": KindWords(Badge("Policy", "doc"), "A policy version was loaded"),
    "target.added": KindWords(Badge("Target", "target"), "Added a target"),
    "target.checked": KindWords(Badge("Checked", "pulse"), "Checked a target"),
    "repository.tier_set": KindWords(Badge("Tier", "lock"), "Set a tier"),
}
# The last words of a kind that stand for an outcome by themselves.
_OUTCOMES: dict[str, Badge] = {
    "refused": REFUSED,
    "denied": REFUSED,
    "rejected": REFUSED,
    "cut": CUT,
    "failed": Badge("Failed", "alert", "stop"),
    "broken": Badge("Broken off", "x", "stop"),
    "completed": DONE,
    "allowed": ALLOWED,
    "succeeded": DONE,
    "added": Badge("Added", "plus"),
    "removed": Badge("Removed", "minus"),
    "locked": Badge("Locked", "lock", "stop"),
}


def words_of(entry: AuditEntry) -> KindWords:
    """The badge and the phrase of one entry."""
    known = _KINDS.get(entry.kind)
    if known is not None:
        return known
    outcome = entry.kind.rsplit(".", 1)[-1]
    badge = _OUTCOMES.get(outcome) or (REFUSED if entry.decision == "deny" else DONE)
    return KindWords(badge, _phrase(entry))


def _phrase(entry: AuditEntry) -> str:
    """`Pull of sha256:1f0c…`, or the kind itself as words."""
    if entry.operation:
        what = f" of {_short(entry.reference)}" if entry.reference else ""
        return f"{entry.operation.capitalize()}{what}"
    return entry.kind.replace(".", " ").replace("_", " ").capitalize()


def _short(reference: str) -> str:
    """A digest by its first twelve digits; the record's own page has all of it."""
    algorithm, _, digits = reference.partition(":")
    return f"{algorithm}:{digits[:12]}" if len(digits) >= 32 else reference


def resource_of(entry: AuditEntry) -> Resource | None:
    """The repository of an entry, or None where there is none."""
    if entry.repository:
        return Resource(entry.target, entry.repository)
    return None


def moved_text(entry: AuditEntry) -> str:
    """Bytes in the direction that matters, a dash where none can move."""
    count = max(entry.bytes_out, entry.bytes_in)
    is_proxied = entry.source.startswith("proxy/")
    return figures.size(count) if count or is_proxied else "–"


def row_of(entry: AuditEntry, today: datetime) -> RecordRow:
    """One row of the table. The day is said when it is not today."""
    words = words_of(entry)
    is_today = entry.at.date() == today.date()
    at = figures.exact_time(entry.at) if is_today else f"{figures.day(entry.at)} {figures.exact_time(entry.at)}"
    target = f", {entry.target}" if entry.target and not entry.repository else ""
    return RecordRow(
        href=reverse("web:record", args=[entry.record_id]),
        at=at,
        at_iso=figures.iso(entry.at),
        badge=words.badge,
        who=entry.actor_name or "–",
        resource=resource_of(entry),
        what=f"{words.phrase}{target}",
        code=entry.reason,
        moved=moved_text(entry),
        is_stop=words.badge == CUT,
    )


def actor_text(record: AuditRecord) -> str:
    """Name and kind of who acted."""
    kind = {"person": "", "service": ", service account", "system": "", "unknown": ""}.get(record.actor_kind, "")
    return f"{record.actor_name or 'Nobody known'}{kind}"
