"""People who have just proved it is them, in a session of our pages."""

from __future__ import annotations

from django.test import Client

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.mfa.assurance import Level
from jit_access.mfa.marks import note_proof
from jit_access.mfa.session_keys import PUBLIC_ID
from tests.support.sessions import signed_in


def prove_in_session(user: User) -> Client:
    """As after a code typed just now. The client goes on where the session does."""
    client = signed_in(user, "fresh")
    user.refresh_from_db()
    note_proof(user, Level.SECOND_FACTOR, at=clock.now(), session=client.session[PUBLIC_ID])
    return client
