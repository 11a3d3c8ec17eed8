"""What an owner proposes, as a value that can be trusted: bounded, cleaned, meaningful at its target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope
from jit_access.envelopes.hours import ALWAYS, Hours
from jit_access.grants.meaning import check_meaning
from jit_access.targets.models import Target

MIN_LASTS_S, MAX_LASTS_S = 60, 7 * 24 * 3600
MAX_LIVES = timedelta(days=90)
MIN_LIVES = timedelta(hours=1)
MIN_REVIEW_EVERY_S = 3600
MAX_BYTES = 1 << 50  # 1 PiB
MAX_GRANTS = 10_000
MAX_WORKLOADS = 20
MAX_NAME_CHARS, MAX_BECAUSE_CHARS, MAX_NOTE_CHARS, MAX_KEY_CHARS = 80, 500, 500, 80
_WORKLOAD = re.compile(r"[a-z]{2,8}_[a-z2-7]{8,32}")


@dataclass(frozen=True, slots=True)
class EnvelopeDraft:
    """An envelope before it is one. Bytes are of both directions; days are any 24 hours."""

    agent: User
    target: Target
    scope: Scope
    name: str
    because: str
    lasts_at_most_s: int
    bytes_per_day: int
    bytes_per_grant: int
    grants_per_day: int
    expires_at: datetime
    review_every_s: int
    hours: Hours = ALWAYS
    workloads: tuple[str, ...] = ()
    idempotency_key: str = ""


def check_draft(draft: EnvelopeDraft) -> EnvelopeDraft:
    """The draft with its words cleaned. Raises: CallerError (invalid-input) with the field and a sentence."""
    check_meaning(draft.target, draft.scope)
    now = clock.now()
    _within("lasts_at_most_s", draft.lasts_at_most_s, MIN_LASTS_S, MAX_LASTS_S, "One grant lasts 1 min to 7 days.")
    _within("bytes_per_day", draft.bytes_per_day, 1, MAX_BYTES, "Say how many bytes in a day, up to 1 PiB.")
    _within(
        "bytes_per_grant",
        draft.bytes_per_grant,
        1,
        draft.bytes_per_day,
        "One grant moves at least a byte, and no more than a day allows.",
    )
    _within("grants_per_day", draft.grants_per_day, 1, MAX_GRANTS, f"It opens 1 to {MAX_GRANTS} grants a day.")
    lives = draft.expires_at - now
    if not MIN_LIVES <= lives <= MAX_LIVES:
        raise CallerError(Reason.INVALID_INPUT, "An envelope lives for 1 h to 90 days.", field="expires_at")
    longest = int(MAX_LIVES.total_seconds())
    _within(
        "review_every_s", draft.review_every_s, MIN_REVIEW_EVERY_S, longest, "It is reviewed within 1 h to 90 days."
    )
    if len(draft.workloads) > MAX_WORKLOADS or not all(map(_WORKLOAD.fullmatch, draft.workloads)):
        raise CallerError(Reason.INVALID_INPUT, "Name workload identities by their ids.", field="workloads")
    return EnvelopeDraft(
        agent=draft.agent,
        target=draft.target,
        scope=draft.scope,
        name=clean_line("name", draft.name, MAX_NAME_CHARS, "Give it a name."),
        because=clean_line("because", draft.because, MAX_BECAUSE_CHARS, "Say what it is for."),
        lasts_at_most_s=draft.lasts_at_most_s,
        bytes_per_day=draft.bytes_per_day,
        bytes_per_grant=draft.bytes_per_grant,
        grants_per_day=draft.grants_per_day,
        expires_at=draft.expires_at.replace(microsecond=0),
        review_every_s=draft.review_every_s,
        hours=draft.hours,
        workloads=tuple(sorted(set(draft.workloads))),
        idempotency_key=clean_line("Idempotency-Key", draft.idempotency_key, MAX_KEY_CHARS, ""),
    )


def clean_line(field: str, text: str, limit: int, missing: str) -> str:
    """One line, safe to show. `missing` is what is said of an empty one; "": it may be. Raises: CallerError."""
    # Direction marks and control characters could make somebody sign another sentence than was written.
    cleaned = clean_text(" ".join(text.split()))
    if missing and not cleaned:
        raise CallerError(Reason.INVALID_INPUT, missing, field=field)
    if len(cleaned) > limit:
        raise CallerError(Reason.INVALID_INPUT, f"That has at most {limit} characters.", field=field)
    return cleaned


def _within(field: str, value: int, least: int, most: int, sentence: str) -> None:
    if not least <= value <= most:
        raise CallerError(Reason.INVALID_INPUT, sentence, field=field)
