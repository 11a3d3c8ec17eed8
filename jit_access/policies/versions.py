"""Keeps policies as versions, and makes one of them count. A version is never changed and never removed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Max

from jit_access.audit.recorder import audited
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import Conflict
from jit_access.domain.reasons import Reason
from jit_access.policies import changes
from jit_access.policies.compiler import PolicyText, compile_policy
from jit_access.policies.models import PolicyVersion

Said = Mapping[str, str | int | bool]


def take_turns() -> None:
    """Loads wait for one another until they commit; readers do not wait. SQLite has one writer anyway.

    A row lock is not enough: the first load has no row to lock, and a waiting one would no longer find its row active.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {PolicyVersion._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")


def active_version() -> PolicyVersion | None:
    """The one that counts now."""
    return PolicyVersion.objects.filter(is_active=True).first()


def add_version(*, actor: ActorRef, text: PolicyText, commit: str = "") -> PolicyVersion:
    """Keep a text under the next number. It does not count yet. Call it behind `take_turns`."""
    return PolicyVersion.objects.create(
        number=(PolicyVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
        digest=text.digest,
        schema_text=text.schema,
        files=dict(text.files),
        loaded_by=actor.name[:120],
        commit=commit,
    )


def activate_version(*, actor: ActorRef, version: PolicyVersion, said: Said | None = None) -> None:
    """From now on this version counts. What is open is asked about again in the same transaction.

    Raises: Conflict when the text is not what was kept; PolicyBroken when it does not compile any more.
    """
    with audited(actor=actor) as audit:
        take_turns()
        text = PolicyText(version.schema_text, version.files)
        if text.digest != version.digest:
            raise Conflict(Reason.PROPOSAL_CHANGED)
        rules = len(compile_policy(text).rules)
        before = active_version()
        PolicyVersion.objects.filter(is_active=True).update(is_active=False)
        PolicyVersion.objects.filter(pk=version.pk).update(is_active=True)
        version.is_active = True
        facts: dict[str, str | int | bool] = {
            "version": version.number,
            "digest": version.digest,
            "rules": rules,
            "replaces": 0 if before is None else before.number,
            **({"commit": version.commit} if version.commit else {}),
            **(said or {}),
        }
        audit.record("policy.activated", detail=facts)
        changes.announce(version.number)
