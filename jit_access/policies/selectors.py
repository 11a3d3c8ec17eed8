"""Reads: which policy counts now, and which one somebody was shown."""

from __future__ import annotations

from jit_access.policies.models import PolicyVersion


def active_version() -> PolicyVersion | None:
    """The version that counts now, or None when nothing was ever loaded (then nothing is open)."""
    return PolicyVersion.objects.filter(is_active=True).first()


def get_version(number: int) -> PolicyVersion | None:
    """A version by its number, active or not."""
    return PolicyVersion.objects.filter(number=number).first()


def recent_versions(*, limit: int = 20) -> list[PolicyVersion]:
    """The newest versions first, without their texts."""
    return list(PolicyVersion.objects.defer("files", "schema_text").order_by("-number")[:limit])
