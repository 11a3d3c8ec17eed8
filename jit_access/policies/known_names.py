"""What there is here for rules to name."""

from __future__ import annotations

from django.contrib.auth.models import Group

from jit_access.accounts.models import User
from jit_access.policies.checking import KnownNames
from jit_access.targets.models import Target


def known_names() -> KnownNames:
    """Groups, targets and accounts, as they are now."""
    return KnownNames(
        groups=frozenset(Group.objects.values_list("name", flat=True)),
        targets=frozenset(Target.objects.values_list("slug", flat=True)),
        users=frozenset(User.objects.values_list("public_id", flat=True)),
    )
