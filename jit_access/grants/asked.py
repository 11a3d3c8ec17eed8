"""The requests about which a person is asked, as a condition on rows: by group, as a manager, as a target's owner.

Stands here, below requests: whoever may answer a request may also see and end what came of it.
"""

from __future__ import annotations

from django.db.models import Q

from jit_access.accounts.models import User
from jit_access.policies.asked import MANAGER, TARGET_OWNER, word_of_group


def asked_about(person: User, groups: frozenset[str], *, of: str = "") -> Q:
    """For rows of requests, or with `of` for rows that point at one: `of="request__"`."""
    words = [word_of_group(name) for name in sorted(groups)]
    step = f"{of}steps__group"
    managed = Q(**{f"{of}requester__manager": person}) | Q(**{f"{of}requester__owner__manager": person})
    owned = Q(**{f"{of}target__owners": person}) | Q(**{f"{of}target__owner_group__in": groups})
    return Q(**{f"{step}__in": words}) | (Q(**{step: MANAGER}) & managed) | (Q(**{step: TARGET_OWNER}) & owned)
