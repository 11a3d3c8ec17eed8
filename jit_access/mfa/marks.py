"""When a person last proved their second factor in a session of ours, for what is done beside a session.

A button in a chat comes without our cookie, so it cannot prove anything itself. It may lean on a proof that the same
person gave here just now. The mark repeats what that session holds and adds no strength: it is written where the
session's own proof is, and falls with that session, however it ends.
"""

from __future__ import annotations

import math
from datetime import datetime

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.locks import Ground
from jit_access.locks.selectors import locks_on
from jit_access.mfa.assurance import NO_ASSURANCE, PROVED_LEVELS, Assurance, Level
from jit_access.mfa.models import ProofMark, WebSession
from jit_access.mfa.open_sessions import sessions_of


def note_proof(user: User, level: Level, *, at: datetime, session: str) -> None:
    """Remember the latest proof and the public id of its session. Only `mfa.sessions` calls this."""
    facts = {"level": int(level), "proved_at": at, "session": session}
    ProofMark.objects.update_or_create(user=user, defaults=facts)


def last_proof(user: User) -> Assurance:
    """What this person proved last, if it still stands. Says nothing of who asks: that is the caller's to know."""
    mark = ProofMark.objects.filter(user=user, user__is_active=True).select_related("user").first()
    if mark is None or mark.level not in PROVED_LEVELS:
        return NO_ASSURANCE
    session = sessions_of(mark.user).filter(public_id=mark.session, level__in=PROVED_LEVELS).first()
    if session is None or locks_on(_ground_of(session)):
        return NO_ASSURANCE
    age_s = math.floor((clock.now() - mark.proved_at).total_seconds())
    return Assurance(Level(mark.level), mark.proved_at, age_s)


def _ground_of(session: WebSession) -> Ground:
    """A locked session is kept, because locks are lifted; what was proved in it counts for nothing meanwhile."""
    return Ground(sessions=frozenset({session.public_id}), devices=frozenset({session.device_hash} - {""}))
