"""Nothing of the demo ever runs in production: its secrets lie in a file, in clear."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import CommandError


def refuse_production() -> None:
    """Raises: CommandError."""
    if settings.ENVIRONMENT == "production":
        raise CommandError("The demo is for development only.")
