"""What `manage.py check --deploy` asks of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured

from jit_access.audit.signing import load_signer


@register(Tags.security, deploy=True)
def check_audit_key(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    try:
        load_signer()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="jit.E010")]
    return []


@register(Tags.security, deploy=True)
def check_witness(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    if settings.AUDIT_WITNESS_FILE:
        return []
    hint = "Name a file on storage that the database's administrators cannot write (JIT_AUDIT_WITNESS_FILE)."
    return [
        Info("The audit log has no witness: a log set back as a whole would not be seen.", hint=hint, id="jit.I011")
    ]
