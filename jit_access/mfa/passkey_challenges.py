"""Questions for passkeys: made for one person, one session and one purpose, answered once, within five minutes.

The purpose is what the answer will be good for: an enrolment, a general proof, or the verdict on one payload. An
answer that was got for one of them opens no other.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, generate_challenge

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.mfa.models import PasskeyChallenge

LASTS: Final = timedelta(minutes=5)
MOST_OPEN: Final = 20  # in one session; whoever asks for more loses the oldest
ENROLMENT: Final = "enrolment"
PROOF: Final = "proof"
_HASH_CHARS: Final = 80


def purpose_of(payload_hash: str = "") -> str:
    """What a proof is good for: the verdict on one payload, as it was shown, or anything when none is named."""
    return f"verdict:{payload_hash[:_HASH_CHARS]}" if payload_hash else PROOF


def open_challenge(request: HttpRequest, user: User, purpose: str) -> bytes:
    """32 random bytes to be signed, remembered for this session."""
    challenge, now = generate_challenge()[:32], clock.now()
    rows = PasskeyChallenge.objects.filter(user=user)
    rows.filter(made_at__lt=now - LASTS).delete()
    mine = rows.filter(session_hash=_session_hash(request))  # whoever has only the password must not push others out
    kept = mine.order_by("-pk").values_list("pk", flat=True)[: MOST_OPEN - 1]
    mine.exclude(pk__in=list(kept)).delete()
    PasskeyChallenge.objects.create(
        user=user,
        challenge=bytes_to_base64url(challenge),
        session_hash=_session_hash(request),
        purpose=purpose[:100],
        made_at=now,
    )
    return challenge


def use_challenge(request: HttpRequest, user: User, challenge: str, purpose: str) -> bytes | None:
    """The bytes that had to be signed, once; None for what this session was never asked, or too long ago."""
    now = clock.now()
    deleted, _ = PasskeyChallenge.objects.filter(
        user=user,
        challenge=challenge[:64],
        session_hash=_session_hash(request),
        purpose=purpose,
        made_at__gt=now - LASTS,
        made_at__lte=now,
    ).delete()
    return base64url_to_bytes(challenge) if deleted == 1 else None


def _session_hash(request: HttpRequest) -> str:
    """Bound to the session without writing down what would be its cookie."""
    return hashlib.sha256(f"passkey:{request.session.session_key}".encode()).hexdigest()
