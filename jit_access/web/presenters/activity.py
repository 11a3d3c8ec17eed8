"""Activity: the filter bar, the records, the story of one grant, and the page of one record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from jit_access.audit.entries import parse_at
from jit_access.audit.exchanges import TRANSFER_ENDS, ActivityRow, build_row
from jit_access.audit.models import AuditEntry
from jit_access.audit.selectors import LogState
from jit_access.domain.audit_record import AuditRecord, decode_record
from jit_access.domain.locks import LockAxis
from jit_access.grants.models import Grant
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.presenters.grants import grant_badge, scope_of
from jit_access.web.presenters.limits import limit_facts
from jit_access.web.presenters.locks import lock_href
from jit_access.web.presenters.records import (
    CUT,
    Named,
    about,
    actor_text,
    code_of,
    is_handshake,
    resource_of,
    row_of,
    words_of,
)
from jit_access.web.viewmodels.activity import (
    ActivityPage,
    Chip,
    FilterSelect,
    LogProof,
    RecordPage,
    Story,
    TimelineStep,
)
from jit_access.web.viewmodels.ends import end_words
from jit_access.web.viewmodels.parts import Action, Badge, Fact, Option, Rail

STORY_STEPS = 40
_LABELS = {
    "grant": "Grant",
    "request": "Request",
    "exchange": "Exchange",
    "actor": "Who",
    "target": "Target",
    "repository": "Repository",
    "outcome": "Outcome",
    "handshakes": "Handshakes",
    "day": "When",
    "q": "Search",
}
OUTCOMES = (("", "Any outcome"), ("allow", "Allowed"), ("deny", "Refused"), ("cut", "Cut"))
DAYS = (("", "Any time"), ("1", "Last 24 h"), ("7", "Last 7 days"))


@dataclass(frozen=True, slots=True)
class Filters:
    """What is set in the address. Empty means: not filtered."""

    values: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def folds_handshakes(self) -> bool:
        """Until somebody asks for them, looks for refusals, or searches for something that may be one."""
        return not any(self.get(name) for name in ("handshakes", "outcome", "exchange", "q"))

    def href(self, **changes: str) -> str:
        """The address of this view with something changed; an empty value removes a filter."""
        merged = {key: value for key, value in {**self.values, **changes}.items() if value}
        base = reverse("web:activity")
        return f"{base}?{urlencode(merged)}" if merged else base


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of the log as it was read."""

    rows: Sequence[ActivityRow]
    has_older: bool
    is_newest: bool
    state: LogState
    targets: Sequence[str]
    named: Named
    sees_everything: bool


def build_page(log: LogPage, filters: Filters, *, now: datetime, story: Story | None) -> ActivityPage:
    """The whole page."""
    size = log.state.size
    shown = {name: value for name, value in filters.values.items() if name != "before"}
    kept = tuple(
        (name, shown[name]) for name in ("grant", "request", "exchange", "repository", "handshakes") if name in shown
    )
    query = filters.get("q")
    return ActivityPage(
        lead="" if log.sees_everything else "What you did, and what was done with your access.",
        proof=_proof(log.state, now),
        query=query,
        selects=_selects(log, filters),
        chips=tuple(
            Chip(_chip_label(name, value), filters.href(**{name: "", "before": ""})) for name, value in shown.items()
        ),
        kept=kept,
        clear_href=reverse("web:activity"),
        story=story,
        rows=tuple(row_of(row, now, log.named) for row in _by_start(log.rows)),
        range_text=_range_text(log.rows, size),
        older_href=filters.href(before=str(log.rows[-1].seq)) if log.has_older and log.rows else "",
        folded_href=filters.href(handshakes="shown", before="") if filters.folds_handshakes else "",
        newest_href="" if log.is_newest else filters.href(before=""),
        export=_export() if log.sees_everything else None,
        empty_title=f"No record matches “{query}”." if query else "No record matches.",
        empty_text=f"{figures.plural(size, 'record')} in the log." if size else "The log is empty.",
    )


def _by_start(rows: Sequence[ActivityRow]) -> list[ActivityRow]:
    """The newest start first, as the column says: a long transfer is recorded last and began long before."""
    return sorted(rows, key=lambda row: (row.started_at, row.seq), reverse=True)


def _export() -> Action:
    return Action("Export with proof", reverse("web:activity-export"), "save")


def _selects(log: LogPage, filters: Filters) -> tuple[FilterSelect, ...]:
    targets = (("", "Any target"), *((slug, slug) for slug in log.targets))
    return tuple(
        FilterSelect(
            name, _LABELS[name], tuple(Option(value, label, value == filters.get(name)) for value, label in options)
        )
        for name, options in (("outcome", OUTCOMES), ("target", targets), ("day", DAYS))
    )


def _chip_label(name: str, value: str) -> str:
    named = dict(OUTCOMES).get(value) if name == "outcome" else dict(DAYS).get(value) if name == "day" else None
    return named or f"{_LABELS.get(name, name)}: {value}"


def _proof(state: LogState, now: datetime) -> LogProof:
    """What the head says. It is the signature's age, not a verification, and the words say no more than that."""
    if not state.size:
        return LogProof(Badge("Log empty", "shield"), "nothing is recorded yet")
    signed = figures.ago(parse_at(state.at), now)
    kept = f", checkpoint {figures.grouped(state.checkpoint_size)}" if state.checkpoint_size else ""
    text = f"{figures.plural(state.size, 'record')}, head signed {signed}{kept}"
    return LogProof(Badge("Log signed", "shield", "live"), text)


def _range_text(rows: Sequence[ActivityRow], size: int) -> str:
    if not rows:
        return ""
    first, last = figures.grouped(rows[-1].seq), figures.grouped(rows[0].seq)
    return f"Records {first} to {last} of {figures.grouped(size)} in the log"


def build_story(
    grant: Grant, entries: Sequence[AuditEntry], *, now: datetime, may_revoke: bool, may_lock: bool = False
) -> Story:
    """All that happened under one grant, in order. `entries` are oldest first."""
    who = grant.subject.display_name
    moved = sum(max(entry.bytes_out, entry.bytes_in) for entry in entries if is_transfer_end(entry))
    cuts = [entry for entry in entries if words_of(entry).badge == CUT]
    held = words.held_phrase(scope_of(grant), "of")
    end = " was cut" if cuts else ""
    ended = end_words(grant.end_reason).badge if grant.end_reason else grant_badge(grant, now)
    return Story(
        title=f"{figures.possessive(who, is_person=grant.subject.is_person)} {held}{end}",
        badge=_filled(CUT if cuts else ended),
        rail=_budget_rail(grant, moved, is_cut=bool(cuts)),
        rail_used=f"{figures.size(moved)} moved",
        rail_left=f"of {figures.size(grant.byte_budget)} allowed" if grant.byte_budget else "",
        facts=_story_facts(grant, moved, now),
        steps=_steps(entries),
        revoke=revoke_action(grant) if may_revoke else None,
        lock=Action("Lock…", lock_href(LockAxis.GRANT, grant.public_id), "lock") if may_lock else None,
    )


def revoke_action(grant: Grant) -> Action:
    """The way to the page that asks and then revokes."""
    whose = figures.possessive(grant.subject.display_name, is_person=grant.subject.is_person)
    what = words.held_word(scope_of(grant))
    return Action(f"Revoke {whose} {what}", reverse("web:grant-revoke", args=[grant.public_id]), "cut", "stop")


def is_transfer_end(entry: AuditEntry) -> bool:
    """Bytes are counted once: by the record that closes an exchange."""
    return entry.kind in TRANSFER_ENDS


def _filled(badge: Badge) -> Badge:
    return Badge(badge.word, badge.icon, badge.tone, True)


def _budget_rail(grant: Grant, moved: int, *, is_cut: bool) -> Rail | None:
    if not grant.byte_budget:
        return None
    percent = min(100.0, 100 * moved / grant.byte_budget)
    label = f"{figures.size(moved)} of {figures.size(grant.byte_budget)} moved"
    return Rail(f"{percent:.1f}%", label, is_cut=is_cut, is_tall=True)


def _story_facts(grant: Grant, moved: int, now: datetime) -> tuple[Fact, ...]:
    facts = [Fact("Who", grant.subject.display_name), Fact("Grant", grant.public_id, is_mono=True)]
    if grant.rule:
        facts.append(Fact("Decided by", grant.rule, is_mono=True))
    if grant.activated_at:
        facts.append(
            Fact("Started", f"{figures.day_and_time(grant.activated_at)} UTC", figures.ago(grant.activated_at, now))
        )
    if grant.ended_at:
        by = f" by {words.short_name(grant.ended_by)}" if grant.ended_by else ""
        facts.append(Fact("Ended", f"{figures.day_and_time(grant.ended_at)} UTC{by}", grant.end_reason))
    if grant.end_note:
        facts.append(Fact("Note", f"“{grant.end_note}”"))
    facts.append(Fact("Moved", figures.size(moved)))
    facts += limit_facts(grant.byte_budget, grant.request_budget, grant.refused_files, grant.target.kind)
    facts.append(Fact("Still open", _still_open(grant)))
    return tuple(facts)


def _still_open(grant: Grant) -> str:
    return {
        "ended": "Nothing. Grant and tokens are gone.",
        "activation_failed": "Nothing. It never started.",
        "revoking": "Refused by the gateway; the target is being told.",
        "revoke_failed": "The target could not be told. It is tried again until it works.",
        "scheduled": "Not started yet.",
    }.get(grant.state, "The grant runs.")


def _steps(entries: Sequence[AuditEntry]) -> tuple[TimelineStep, ...]:
    """What people did, all of it, and the newest exchanges, each once: as it ended, where it began."""
    first: dict[str, AuditEntry] = {}
    last: dict[str, AuditEntry] = {}
    for entry in entries:
        if is_handshake(entry):
            continue
        key = entry.exchange or entry.record_id
        first.setdefault(key, entry)
        last[key] = entry
    exchanges = [key for key, entry in first.items() if entry.exchange]
    left_out = set(exchanges[:-STORY_STEPS])
    return tuple(_step(last[key], began=entry.at) for key, entry in first.items() if key not in left_out)


def _step(entry: AuditEntry, *, began: datetime) -> TimelineStep:
    known = words_of(entry)
    tone = "stop" if known.badge.tone == "stop" else ""
    who = entry.actor_name or "The gateway"
    moved = max(entry.bytes_out, entry.bytes_in)
    more = ", ".join(part for part in (who, figures.size(moved) if moved else "", code_of(entry)) if part)
    return TimelineStep(
        at_iso=figures.iso(began),
        at_text=figures.exact_time(began),
        what=known.phrase,
        more=more,
        tone=tone or ("done" if entry.kind.startswith("lease.") else ""),
        href=reverse("web:record", args=[entry.record_id]),
    )


@dataclass(frozen=True, slots=True)
class RecordContext:
    """What the page of a record shows around it."""

    same_exchange: Sequence[AuditEntry]
    state: LogState
    named: Named


def build_record(entry: AuditEntry, around: RecordContext, now: datetime) -> RecordPage:
    """One record with all of its fields and its place in the tree."""
    record = decode_record(entry.body.encode("utf-8"))
    known = words_of(entry)
    return RecordPage(
        title=f"{known.badge.word} · record {figures.grouped(entry.seq)}",
        badge=_filled(known.badge),
        sentence=f"{record.actor_name or 'Somebody unknown'}: {known.phrase[:1].lower()}{known.phrase[1:]}"
        f"{about(record, around.named.accounts)}",
        code=record.reason,
        resource=resource_of(entry, around.named.resources),
        facts=_record_facts(record, entry, now),
        proof=_record_proof(entry, around.state),
        canonical=entry.body,
        exchange=tuple(row_of(build_row([other]), now, around.named) for other in around.same_exchange),
        story_href=f"{reverse('web:activity')}?grant={record.grant}" if record.grant else "",
        back=Action("Activity", reverse("web:activity")),
    )


def _record_facts(record: AuditRecord, entry: AuditEntry, now: datetime) -> tuple[Fact, ...]:
    rows = [
        Fact("When", f"{figures.day(entry.at)} {figures.exact_time(entry.at)} UTC", figures.ago(entry.at, now)),
        Fact("Who", actor_text(record)),
        *_optional(
            ("Operation", record.operation),
            ("Reference", record.reference),
            ("Target", record.target),
            ("Repository", record.repository),
            ("Decision", record.decision),
            ("Reason", record.reason),
            ("Rule", record.rule),
            ("Grant", record.grant),
            ("Request", record.request),
            ("Token", record.lease),
            ("Exchange", record.exchange),
            ("From", record.address),
        ),
    ]
    if record.source.startswith("proxy/"):
        rows.append(Fact("Answer", str(record.status) if record.status else "–", "HTTP status"))
        rows.append(Fact("Sent", figures.size(record.bytes_out)))
        rows.append(Fact("Received", figures.size(record.bytes_in)))
        rows.append(Fact("Took", f"{figures.grouped(record.duration_ms)} ms"))
    rows += [Fact(name.replace("_", " ").capitalize(), _plain(value)) for name, value in sorted(record.detail.items())]
    rows += _optional(("Kind", record.kind), ("Source", record.source), ("Trace", record.trace), ("Record", record.id))
    return tuple(rows)


def _optional(*pairs: tuple[str, str]) -> list[Fact]:
    return [Fact(term, value, is_mono=True) for term, value in pairs if value]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _record_proof(entry: AuditEntry, state: LogState) -> tuple[Fact, ...]:
    return (
        Fact("Leaf", figures.grouped(entry.seq), f"of {figures.grouped(state.size)}"),
        Fact("Leaf hash", entry.leaf_hash, is_mono=True),
        Fact("Log’s root", state.root, is_mono=True),
        Fact("Signed by", state.key_id, is_mono=True),
        Fact("Check it", f"manage.py audit prove {entry.record_id}", is_mono=True),
    )
