"""One audit record in words: its outcome as a badge, what was done as a phrase. Unknown kinds have a form, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TypeAlias

from django.urls import reverse

from jit_access.audit.exchanges import ActivityRow
from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.web import figures
from jit_access.web.viewmodels.activity import RecordRow
from jit_access.web.viewmodels.parts import Badge, Resource

ALLOWED = Badge("Allowed", "check", "live")
REFUSED = Badge("Refused", "x", "stop")
CUT = Badge("Cut", "cut", "stop")
DONE = Badge("Done", "check")
Shown: TypeAlias = AuditEntry | AuditRecord  # both name their fields alike
_PLAIN_REASONS = frozenset({Reason.GRANTED, Reason.APPROVED, Reason.NO_APPROVAL_NEEDED})


@dataclass(frozen=True, slots=True)
class KindWords:
    """How a kind of record is shown: `phrase` may name the operation and the reference."""

    badge: Badge
    phrase: str


_KINDS: dict[str, KindWords] = {
    "request.submitted": KindWords(Badge("Asked", "inbox"), "Asked for access"),
    "request.withdrawn": KindWords(Badge("Withdrawn", "back"), "Withdrew the request"),
    "request.approved": KindWords(Badge("Approved", "check", "live"), "Everyone who had to agree did"),
    "bundle.submitted": KindWords(Badge("Asked", "inbox"), "Asked for several things together"),
    "request.agreed": KindWords(Badge("Agreed", "check", "wait"), "Agreed on, held for the rest of its bundle"),
    "ticket.closed": KindWords(Badge("Ticket", "check"), "A ticket was closed, and what stood on it ended"),
    "ticket.reopened": KindWords(Badge("Ticket", "history"), "A ticket was opened again"),
    "request.commented": KindWords(Badge("Comment", "doc"), "Wrote a comment"),
    "request.narrowed": KindWords(Badge("Narrowed", "minus", "wait"), "An approver offered less"),
    "verdict.voided": KindWords(Badge("Taken back", "back", "wait"), "An approval stands no more"),
    "delegation.given": KindWords(Badge("Stand-in", "person"), "Let another answer for them"),
    "delegation.ended": KindWords(Badge("Stand-in", "person"), "A stand-in answers no more"),
    "absence.noted": KindWords(Badge("Away", "clock"), "Noted an absence"),
    "absence.ended": KindWords(Badge("Back", "person"), "Came back"),
    "on-call.replaced": KindWords(Badge("On call", "clock"), "Changed who is on call"),
    "envelope.proposed": KindWords(Badge("Proposed", "inbox"), "Proposed an envelope for an agent"),
    "envelope.propose.refused": KindWords(REFUSED, "Proposing an envelope was refused"),
    "envelope.asked": KindWords(Badge("Asked", "inbox"), "People are asked about an envelope"),
    "envelope.signed": KindWords(Badge("Signed", "key"), "Said yes or no to an envelope"),
    "envelope.sign.refused": KindWords(REFUSED, "Signing an envelope was refused"),
    "envelope.activated": KindWords(Badge("In force", "check", "live"), "Everyone who had to signed the envelope"),
    "envelope.reviewed": KindWords(Badge("Reviewed", "check", "live"), "The envelope was reviewed and goes on"),
    "envelope.suspended": KindWords(Badge("Suspended", "clock", "wait"), "An envelope was suspended"),
    "envelope.suspend.refused": KindWords(REFUSED, "Suspending an envelope was refused"),
    "envelope.denied": KindWords(Badge("Denied", "x", "stop"), "An envelope was denied"),
    "envelope.revoked": KindWords(Badge("Revoked", "x", "stop"), "An envelope was revoked"),
    "envelope.revoke.refused": KindWords(REFUSED, "Revoking an envelope was refused"),
    "envelope.expired": KindWords(Badge("Over", "clock"), "An envelope ran out"),
    "request.unanswerable": KindWords(Badge("Nobody", "alert", "wait"), "Nobody is left who could answer"),
    "account.manager-set": KindWords(Badge("Manager", "person"), "Somebody else became the manager"),
    "target.owners-named": KindWords(Badge("Owners", "target"), "Gave a target to its owners"),
    "target.owners-refused": KindWords(REFUSED, "Giving a target to oneself was refused"),
    "request.denied": KindWords(Badge("Denied", "x", "stop"), "The request was denied"),
    "request.expired": KindWords(Badge("No answer", "clock"), "Nobody answered in time"),
    "request.invalidated": KindWords(Badge("Ended", "x", "stop"), "The request ended before it was decided"),
    "grant.created": KindWords(Badge("Granted", "check"), "Access was granted, not started"),
    "grant.activating": KindWords(Badge("Starting", "play"), "The grant is being set up"),
    "grant.activated": KindWords(Badge("Started", "play", "live"), "Started the grant"),
    "grant.activation_failed": KindWords(Badge("Failed", "alert", "stop"), "The grant could not start"),
    "grant.pinned": KindWords(Badge("Pinned", "check"), "A name got its meaning for this grant"),
    "grant.extended": KindWords(Badge("Extended", "history"), "A longer grant took over"),
    "grant.revoked": KindWords(Badge("Revoked", "cut", "stop"), "The grant was revoked"),
    "grant.relinquished": KindWords(Badge("Ended", "check"), "Ended the grant"),
    "grant.expired": KindWords(Badge("Time ran out", "check"), "The grant's time ran out"),
    "grant.ended": KindWords(Badge("Ended", "check"), "Nothing is left of the grant"),
    "grant.revoke_failed": KindWords(Badge("Exposed", "alert", "stop"), "The target could not be told"),
    "grant.narrowed": KindWords(Badge("Narrowed", "clock", "wait"), "The rules became stricter, for open grants too"),
    "grant.shortened": KindWords(Badge("Shortened", "clock", "wait"), "The grant ends earlier than it would have"),
    "grant.suspended": KindWords(Badge("Paused", "stop", "wait"), "The grant was paused"),
    "grant.resumed": KindWords(Badge("Active", "check", "live"), "The grant was taken up again"),
    "lease.issued": KindWords(Badge("Token made", "key"), "Made a token"),
    "lease.rotated": KindWords(Badge("Rotated", "history"), "Replaced a token"),
    "lease.collected": KindWords(Badge("Collected", "key"), "Collected a token"),
    "lease.revoked": KindWords(Badge("Token ended", "x"), "A token was revoked"),
    "lease.expired": KindWords(Badge("Token ended", "clock"), "A token ran out"),
    "sign-in.password-accepted": KindWords(Badge("Signed in", "person"), "The password was right"),
    "sign-in.refused": KindWords(REFUSED, "A sign-in was refused"),
    "web.refused": KindWords(REFUSED, "A form that was not ours was refused"),
    "api.refused": KindWords(REFUSED, "An API call was refused"),
    "session.ended": KindWords(Badge("Signed out", "exit"), "A session ended"),
    "second-factor.enrolled": KindWords(Badge("Factor", "phone"), "A second factor was set up"),
    "second-factor.replaced": KindWords(Badge("Factor", "phone"), "The second factor was replaced"),
    "second-factor.removed": KindWords(Badge("Factor", "phone", "wait"), "The second factor was removed"),
    "second-factor.proved": KindWords(Badge("Proved", "shield", "live"), "Proved the second factor"),
    "second-factor.refused": KindWords(REFUSED, "A code was refused"),
    "recovery-codes.made": KindWords(Badge("Factor", "phone"), "Made new recovery codes"),
    "step-up.asked": KindWords(Badge("Asked", "shield", "wait"), "A newer proof was asked for"),
    "break-glass.opened": KindWords(Badge("Break-glass", "alert", "stop"), "Opened it at once, without approval"),
    "break-glass.reviewed": KindWords(Badge("Reviewed", "check"), "Reviewed a break-glass"),
    "lock.placed": KindWords(Badge("Locked", "lock", "stop"), "Placed a lock"),
    "lock.lifted": KindWords(Badge("Lifted", "back", "live"), "Lifted a lock"),
    "lock.ran-out": KindWords(Badge("Ran out", "clock"), "A lock ran out"),
    "session.refused": KindWords(REFUSED, "A session was refused"),
    "account.created": KindWords(Badge("Account", "person"), "An account was made"),
    "account.locked": KindWords(Badge("Locked", "lock", "stop"), "An account was locked"),
    "account.unlocked": KindWords(Badge("Unlocked", "person"), "An account was unlocked"),
    "account.group-added": KindWords(Badge("Group", "person"), "An account joined a group"),
    "account.group-removed": KindWords(Badge("Group", "person", "wait"), "An account left a group"),
    "account.theme-set": KindWords(Badge("Settings", "gear"), "Chose a theme"),
    "account.sessions-ended": KindWords(Badge("Signed out", "exit"), "All other sessions were ended"),
    "account.password-changed": KindWords(Badge("Password", "key"), "The password was changed"),
    "api-token.issued": KindWords(Badge("Token made", "key"), "Made an API token"),
    "api-token.revoked": KindWords(Badge("Token ended", "x"), "An API token was revoked"),
    "oauth.device-begun": KindWords(Badge("Sign-in", "key", "wait"), "A client began a sign-in by code"),
    "oauth.consented": KindWords(Badge("Let in", "check"), "Let a client in"),
    "oauth.refused": KindWords(REFUSED, "A client got no token"),
    "workload.exchanged": KindWords(Badge("Signed in", "key"), "A workload got an access token"),
    "issuer.added": KindWords(Badge("Issuer", "plus"), "Added an issuer of workload tokens"),
    "issuer.add-refused": KindWords(REFUSED, "An issuer could not be added"),
    "issuer.retired": KindWords(Badge("Issuer", "x"), "Retired an issuer of workload tokens"),
    "issuer.retire-refused": KindWords(REFUSED, "An issuer could not be retired"),
    "trust.proposed": KindWords(Badge("Waits", "clock", "wait"), "Would trust a workload"),
    "trust.propose-refused": KindWords(REFUSED, "A workload could not be trusted"),
    "trust.confirmed": KindWords(Badge("Trusted", "check"), "Confirmed a workload"),
    "trust.confirm-refused": KindWords(REFUSED, "A workload could not be confirmed"),
    "trust.revoked": KindWords(Badge("Trust ended", "x"), "Took the trust in a workload back"),
    "trust.revoke-refused": KindWords(REFUSED, "The trust in a workload could not be taken back"),
    "trust.by-token-refused": KindWords(REFUSED, "A token tried to say whose word counts"),
    "oauth-client.registered": KindWords(Badge("Client", "plus"), "Made a client of a service account"),
    "oauth-client.secret-renewed": KindWords(Badge("Client", "key"), "Gave a client a new secret"),
    "oauth-client.removed": KindWords(Badge("Client", "x"), "Removed a client of a service account"),
    "access-token.issued": KindWords(Badge("Signed in", "key"), "A client got an access token"),
    "access-token.revoked": KindWords(Badge("Token ended", "x"), "An access token was ended"),
    "api-token.rotated": KindWords(Badge("Next token", "history"), "Made the next API token"),
    "api-token.collected": KindWords(Badge("Collected", "key"), "Collected the next API token"),
    "api-token.taken-up": KindWords(Badge("In use", "key"), "Used an API token for the first time"),
    "api-token.two-holders": KindWords(Badge("Two holders", "alert", "stop"), "Two held an API token: it is locked"),
    "token.leaked": KindWords(Badge("Leaked", "alert", "stop"), "A token was found in the open, and revoked"),
    "leaked-tokens.reported": KindWords(Badge("Reported", "search"), "Somebody reported tokens; none of them worked"),
    "agent.made": KindWords(Badge("Agent", "chip"), "Made an agent"),
    "agent.changed": KindWords(Badge("Agent", "chip"), "Described an agent anew"),
    "agent.suspended": KindWords(Badge("Suspended", "stop", "wait"), "An agent was suspended"),
    "agent.resumed": KindWords(Badge("Works", "check", "live"), "An agent was taken up again"),
    "agent.retired": KindWords(Badge("Retired", "box"), "An agent was retired"),
    "agent.offered": KindWords(Badge("Offered", "person", "wait"), "Asked somebody to answer for an agent"),
    "agent.offer-declined": KindWords(Badge("Declined", "x"), "Did not want to answer for an agent"),
    "agent.offer-withdrawn": KindWords(Badge("Taken back", "back"), "Took an agent's offer back"),
    "agent.handed-over": KindWords(Badge("Handed over", "person"), "Somebody else answers for an agent"),
    "policy.activated": KindWords(Badge("Policy", "doc"), "A policy version was loaded"),
    "target.added": KindWords(Badge("Target", "target"), "Added a target"),
    "target.add-refused": KindWords(REFUSED, "A target could not be added"),
    "target.credential-replaced": KindWords(Badge("Target", "key"), "Replaced the gateway’s credential"),
    "repository.described": KindWords(Badge("Target", "target"), "Described a repository"),
    "target.discovered": KindWords(Badge("Target", "search"), "Read the target’s list"),
    "target.health-changed": KindWords(Badge("Target", "pulse"), "The target’s state changed"),
    "repository.tier-changed": KindWords(Badge("Tier", "lock"), "Changed a tier"),
}
_VERDICTS = {
    True: KindWords(Badge("Agreed", "check", "live"), "Approved the request"),
    False: KindWords(Badge("Denied", "x", "stop"), "Denied the request"),
}
# How a proxied request ended; "" is for records that are no exchange.
_ENDINGS: dict[str, Badge] = {
    "completed": ALLOWED,
    "cut": CUT,
    "refused": REFUSED,
    "running": Badge("Running", "pulse", "live"),
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


def words_of(shown: Shown) -> KindWords:
    """The badge and the phrase of one record."""
    if shown.kind == "verdict.given":
        return _VERDICTS[shown.decision == "allow"]
    if shown.kind == "request.approved" and shown.reason == Reason.AUTO_APPROVED:
        return KindWords(Badge("Approved", "check", "live"), "A rule approved this by itself")
    if shown.kind == "request.approved" and shown.reason == Reason.INSIDE_ENVELOPE:
        return KindWords(Badge("Approved", "check", "live"), "Inside an envelope that people approved before")
    if shown.kind == "request.approved" and shown.reason == Reason.NO_APPROVAL_NEEDED:
        return KindWords(Badge("Approved", "check", "live"), "Policy asks nobody’s approval for this")
    known = _KINDS.get(shown.kind)
    if known is not None:
        return known
    outcome = shown.kind.rsplit(".", 1)[-1]
    badge = _OUTCOMES.get(outcome) or (REFUSED if shown.decision == "deny" else DONE)
    return KindWords(badge, _phrase(shown))


_HANDSHAKES = {"ping": "Knocked", "token": "Showed a token"}


def is_handshake(shown: Shown) -> bool:
    """What a client does before it does anything; a refused one is a story of its own."""
    return shown.operation in _HANDSHAKES and shown.decision != "deny"


def _phrase(shown: Shown) -> str:
    """`Pull of sha256:1f0c…`, or the kind itself as words."""
    if shown.operation in _HANDSHAKES:
        return _HANDSHAKES[shown.operation]
    if shown.operation == Operation.PULL and not shown.reference:
        return "Read the list of tags"
    if shown.kind == "proxy.request.refused" and not shown.operation:
        return "Sent what could not be read"
    if shown.operation:
        what = f" of {_short(shown.reference)}" if shown.reference else ""
        return f"{shown.operation.capitalize()}{what}"
    return shown.kind.replace(".", " ").replace("_", " ").capitalize()


def _short(reference: str) -> str:
    """A digest by its first twelve digits; the record's own page has all of it."""
    algorithm, _, digits = reference.partition(":")
    return f"{algorithm}:{digits[:12]}" if len(digits) >= 32 else reference


def resource_of(shown: Shown, known: Mapping[str, Resource]) -> Resource | None:
    """The repository of a record, or of the grant or request that it speaks of (`known`, by public id)."""
    if shown.repository:
        return Resource(shown.target, shown.repository)
    return known.get(shown.grant) or known.get(shown.request)


def moved_text(bytes_in: int, bytes_out: int, source: str) -> str:
    """Bytes in the direction that matters, nothing where none can move."""
    count = max(bytes_in, bytes_out)
    return figures.size(count) if count or source.startswith("proxy/") else ""


def about(shown: Shown, accounts: Mapping[str, str]) -> str:
    """`: Ben Okafor, model-owners`: the account that something was done to, unless it did that itself."""
    detail = shown.detail if isinstance(shown, AuditRecord) else {}
    name = accounts.get(str(detail.get("account", "")), "")
    if not name or name == shown.actor_name:
        return ""
    return ": " + ", ".join(part for part in (name, str(detail.get("group", ""))) if part)


@dataclass(frozen=True, slots=True)
class Named:
    """What records name by id only, read once for a page: resources of grants and requests, names of accounts."""

    resources: Mapping[str, Resource]
    accounts: Mapping[str, str]


def row_of(row: ActivityRow, today: datetime, named: Named) -> RecordRow:
    """One row of the table: a whole exchange, or a single record. The day is said when it is not today."""
    shown = row.last
    words = words_of(shown)
    badge = _ENDINGS.get(row.ended, words.badge)
    if row.ended == "completed" and shown.status >= HTTPStatus.BAD_REQUEST:
        badge = Badge(f"Answered {shown.status}", "check")  # let through, and the registry said no
    started = row.started_at
    is_today = started.date() == today.date()
    at = figures.exact_time(started) if is_today else f"{figures.day(started)} {figures.exact_time(started)}"
    resource = resource_of(shown, named.resources)
    target = f", {shown.target}" if shown.target and resource is None else ""
    return RecordRow(
        href=reverse("web:record", args=[shown.id]),
        at=at,
        at_iso=figures.iso(started),
        badge=badge,
        who=shown.actor_name or "–",
        resource=resource,
        what=f"{words.phrase}{about(shown, named.accounts)}{target}",
        code=code_of(shown),
        moved=moved_text(row.bytes_in, row.bytes_out, shown.source),
        is_stop=badge == CUT,
    )


def code_of(shown: Shown) -> str:
    """The reason code where it says more than the badge does."""
    return "" if shown.reason in _PLAIN_REASONS else shown.reason


def actor_text(record: AuditRecord) -> str:
    """Name and kind of who acted."""
    kind = {"person": "", "service": ", service account", "system": "", "unknown": ""}.get(record.actor_kind, "")
    return f"{record.actor_name or 'Nobody known'}{kind}"
