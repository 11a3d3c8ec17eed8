"""Reads about identities."""

from __future__ import annotations

from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.single_sign_on.models import Identity


def identities_of(user: User) -> QuerySet[Identity]:
    """The providers at which this person is somebody."""
    return Identity.objects.select_related("provider").filter(user=user).order_by("provider__name")
