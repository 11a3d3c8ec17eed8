"""What one may ask of the log: a small fixed set of questions, parsed once, then trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

MAX_CHARS = 200
MAX_WORDS = 5
_EXACT = ("target", "repository", "grant", "request", "exchange", "reason")
# What every client does before it does anything: it tries TLS, knocks without a token, and shows its token. Nothing
# moves and nothing is decided about a repository; refusals of a known token are not among these.
_HANDSHAKES = Q(source__startswith="proxy/") & (
    Q(actor_id="", reason__in=[Reason.TLS_ON_PLAIN_PORT, Reason.TOKEN_MISSING])
    | Q(operation__in=["ping", "token"]) & ~Q(decision="deny")
)
_DECISIONS = frozenset({"allow", "deny"})
OUTCOMES = frozenset({*_DECISIONS, "cut"})
NAMES = ("actor", "kind", "decision", "outcome", *_EXACT, "since", "until", "text")


@dataclass(frozen=True, slots=True)
class ActivityFilters:
    """Empty means not asked. `since` is inclusive, `until` exclusive. `kind` covers all kinds below it."""

    actor: str = ""  # an id, or part of a name
    kind: str = ""
    decision: str = ""
    outcome: str = ""  # a decision, or "cut": let through and ended early
    target: str = ""
    repository: str = ""
    grant: str = ""
    request: str = ""
    exchange: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    has_handshakes: bool = True

    def to_q(self) -> Q:
        found = Q(**{name: value for name in _EXACT if (value := getattr(self, name))})
        if self.actor:
            found &= Q(actor_id=self.actor) if self.actor.startswith("usr_") else Q(actor_name__icontains=self.actor)
        if self.kind:
            found &= Q(kind=self.kind) | Q(kind__startswith=f"{self.kind}.")
        if self.decision:
            found &= Q(decision=self.decision)
        if self.outcome:
            found &= Q(kind="proxy.transfer.cut") if self.outcome == "cut" else Q(decision=self.outcome)
        if not self.has_handshakes:
            found &= ~_HANDSHAKES
        if self.since:
            found &= Q(at__gte=self.since)
        if self.until:
            found &= Q(at__lt=self.until)
        for word in self.text.split()[:MAX_WORDS]:
            found &= _mentions(word)
        return found


def parse_filters(raw: Mapping[str, str]) -> ActivityFilters:
    """Raises: CallerError (invalid-input) naming the field, for unknown fields too: a typing error must not widen."""
    if unknown := sorted(set(raw) - set(NAMES)):
        raise CallerError(Reason.INVALID_INPUT, f"There is no filter {unknown[0][:40]!r}. Filters: {', '.join(NAMES)}.")
    for name, value in raw.items():
        if len(value) > MAX_CHARS or "\x00" in value:
            raise CallerError(Reason.INVALID_INPUT, f"The filter {name} is too long or holds a zero byte.")
    if raw.get("decision") and raw["decision"] not in _DECISIONS:
        raise CallerError(Reason.INVALID_INPUT, "decision is allow or deny.")
    if raw.get("outcome") and raw["outcome"] not in OUTCOMES:
        raise CallerError(Reason.INVALID_INPUT, "outcome is allow, deny or cut.")
    words = {name: value.strip() for name, value in raw.items() if name not in {"since", "until"}}
    since, until = _instant(raw, "since"), _instant(raw, "until")
    return ActivityFilters(**words, since=since, until=until, has_handshakes=True)


def _instant(raw: Mapping[str, str], name: str) -> datetime | None:
    text = raw.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # also an instant that only its zone pushes out of the calendar
        pass
    raise CallerError(Reason.INVALID_INPUT, f"{name} is an instant with its zone, such as 2026-11-23T13:55:10Z.")


def _mentions(word: str) -> Q:
    found = Q(actor_name__icontains=word) | Q(repository__icontains=word) | Q(target__icontains=word)
    found |= Q(kind__icontains=word) | Q(reason__icontains=word) | Q(reference__icontains=word)
    if word.startswith("env_"):  # stands among the details: of its own records, and of what it opened
        found |= Q(body__contains=f'"{word}"')
    return found | Q(record_id=word) | Q(grant=word) | Q(request=word)
