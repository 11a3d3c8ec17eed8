"""What `manage.py check --deploy` asks before real use: keys that load, secrets that are secrets, a real database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from jit_access.core.keys import default_provider

MIN_SECRET_CHARS = 32


@register(Tags.security, deploy=True)
def check_sealing_key(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    try:
        default_provider().sealing_key()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="jit.E001")]
    return []


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    """The proxies' secret opens the internal endpoints, so it must be long and used for nothing else."""
    secret = str(settings.PROXY_SECRET)
    found: list[CheckMessage] = []
    if len(secret) < MIN_SECRET_CHARS or len(set(secret)) < 8:
        found.append(Error(f"JIT_PROXY_SECRET needs {MIN_SECRET_CHARS} random characters.", id="jit.E002"))
    others = {str(settings.SECRET_KEY), settings.VIEW_KEY.hex()}
    if secret in others or str(settings.SECRET_KEY) == settings.VIEW_KEY.hex():
        found.append(Error("JIT_SECRET_KEY, JIT_PROXY_SECRET and JIT_VIEW_KEY must differ.", id="jit.E003"))
    if len(set(settings.VIEW_KEY)) < 8:
        found.append(Error("JIT_VIEW_KEY is not random.", id="jit.E004"))
    return found


@register(Tags.database, deploy=True)
def check_database(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    if "postgresql" in settings.DATABASES["default"]["ENGINE"]:
        return []
    hint = "SQLite serialises what should race, and hides lost updates."
    return [Error("Real use needs PostgreSQL (JIT_DATABASE_URL).", hint=hint, id="jit.E005")]
