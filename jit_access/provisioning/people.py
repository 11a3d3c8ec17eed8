"""People as a directory tells them. Leaving locks the account, which ends everything of it in the same transaction.

A directory reaches only people whom it brought, or who were handed to it at the gateway's own machine. Who is gone
stays in the history, and their name is nobody else's.
"""

from __future__ import annotations

from django.db.models import F, QuerySet

from jit_access.accounts.models import User
from jit_access.accounts.services import (
    change_profile,
    create_person_without_password,
    lock_account,
    unlock_account,
)
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason
from jit_access.provisioning.errors import ScimError
from jit_access.provisioning.models import ProvisionedUser, Provisioner
from jit_access.provisioning.shapes import Facts

_NOTE = "by the directory"


def people_of(directory: Provisioner) -> QuerySet[ProvisionedUser]:
    """Whom this directory may see: its own people who were not removed."""
    own = ProvisionedUser.objects.filter(provisioner=directory, removed_at=None)
    return own.select_related("user", "manager").order_by("pk")


def get_person(directory: Provisioner, public_id: str) -> ProvisionedUser:
    """Raises: ScimError (404) for anybody else's people too."""
    found = people_of(directory).filter(user__public_id=public_id).first()
    if found is None:
        raise ScimError(404, "There is no such user.")
    return found


def add_person(directory: Provisioner, facts: Facts) -> ProvisionedUser:
    """A new person without password and without groups. Raises: ScimError (409 when the name is taken)."""
    now = clock.now()
    with audited(actor=directory.ref) as audit:
        try:
            user = create_person_without_password(
                actor=directory.ref,
                username=facts.get("username", ""),
                display_name=_shown_name(facts) or facts.get("username", ""),
                email=facts.get("email", ""),
                title=facts.get("title", ""),
            )
        except Conflict as exc:
            raise ScimError(409, "That userName is taken.", "uniqueness") from exc
        except CallerError as exc:
            raise ScimError(400, exc.sentence, "invalidValue") from exc
        row = ProvisionedUser.objects.create(
            provisioner=directory,
            user=user,
            external_id=facts.get("external_id", "")[:255],
            manager=_manager(directory, facts),
            made_at=now,
            changed_at=now,
        )
        audit.record("directory.person-added", detail={"directory": directory.slug, "account": user.public_id})
        _follow_active(directory, row, facts)
    return row


def change_person(directory: Provisioner, public_id: str, facts: Facts, *, expected: int | None) -> ProvisionedUser:
    """Take over what the directory says. Raises: ScimError (404, 409, 412)."""
    with audited(actor=directory.ref):
        row = _locked(directory, public_id, expected)
        user = row.user
        try:
            change_profile(
                actor=directory.ref,
                user=user,
                username=facts.get("username", user.username),
                display_name=_shown_name(facts) or user.display_name,
                email=facts.get("email", user.email),
                title=facts.get("title", user.title),
            )
        except Conflict as exc:
            raise ScimError(409, "That userName is taken.", "uniqueness") from exc
        except CallerError as exc:
            raise ScimError(400, exc.sentence, "invalidValue") from exc
        if "external_id" in facts:
            row.external_id = facts["external_id"][:255]
        if "manager" in facts:
            row.manager = _manager(directory, facts)
        _follow_active(directory, row, facts)
        _save(row)
    return row


def remove_person(directory: Provisioner, public_id: str, *, expected: int | None) -> None:
    """DELETE: the account is locked for good, its history stays. Raises: ScimError (404, 412)."""
    with audited(actor=directory.ref) as audit:
        row = _locked(directory, public_id, expected)
        _follow_active(directory, row, {"active": False})
        row.removed_at = clock.now()
        row.is_deactivated = True
        _save(row)
        audit.record("directory.person-removed", detail={"directory": directory.slug, "account": row.user.public_id})


def adopt_person(*, actor: ActorRef, directory: Provisioner, user: User, external_id: str = "") -> ProvisionedUser:
    """Hand somebody who is here already to a directory. At the gateway's own machine only.

    Raises: CallerError for an account that no directory may hold.
    """
    if not user.is_person or user.is_superuser or user.is_staff:
        raise CallerError(Reason.INVALID_INPUT, "Only people without powers over the gateway belong to a directory.")
    if ProvisionedUser.objects.filter(user=user).exists():
        raise Conflict(Reason.DUPLICATE_REQUEST, "This person belongs to a directory already.")
    now = clock.now()
    with audited(actor=actor) as audit:
        row = ProvisionedUser.objects.create(
            provisioner=directory, user=user, external_id=external_id[:255], made_at=now, changed_at=now
        )
        audit.record("directory.person-adopted", detail={"directory": directory.slug, "account": user.public_id})
    return row


def manager_of(user: User) -> User | None:
    """Whom the directory names as a person's manager, when they can act."""
    row = ProvisionedUser.objects.select_related("manager").filter(user=user).first()
    return row.manager if row is not None and row.manager is not None and row.manager.is_active else None


def forget_own_lock(user: User, reason: Reason) -> None:
    """Handler of `accounts.changes`: whoever locks last unlocks. `_follow_active` notes its own lock after this."""
    if reason is Reason.ACCOUNT_LOCKED:
        ProvisionedUser.objects.filter(user=user, is_deactivated=True).update(is_deactivated=False)


def _follow_active(directory: Provisioner, row: ProvisionedUser, facts: Facts) -> None:
    """Lock and unlock as the directory says; but what somebody here locked, only somebody here unlocks."""
    wanted = facts.get("active")
    if wanted is False and row.user.is_active:
        lock_account(actor=directory.ref, user=row.user, note=_NOTE)
        row.is_deactivated = True
    elif wanted is True and row.is_deactivated:
        unlock_account(actor=directory.ref, user=row.user, note=_NOTE)
        row.is_deactivated = False
    else:
        return
    row.user.refresh_from_db()
    ProvisionedUser.objects.filter(pk=row.pk).update(is_deactivated=row.is_deactivated)


def _locked(directory: Provisioner, public_id: str, expected: int | None) -> ProvisionedUser:
    pk = get_person(directory, public_id).pk
    row = ProvisionedUser.objects.select_for_update(of=("self",)).select_related("user", "manager").get(pk=pk)
    if expected is not None and expected != row.version:
        raise ScimError(412, "It changed meanwhile. Read it again.")
    return row


def _save(row: ProvisionedUser) -> None:
    row.changed_at = clock.now()
    row.version = F("version") + 1
    row.save()
    row.refresh_from_db()


def _manager(directory: Provisioner, facts: Facts) -> User | None:
    """Only somebody whom the same directory speaks for; an id that is nobody's yet means none (RFC 7643 4.3)."""
    found = people_of(directory).filter(user__public_id=facts.get("manager") or "").first()
    return found.user if found is not None else None


def _shown_name(facts: Facts) -> str:
    whole = " ".join(part for part in (facts.get("given", ""), facts.get("family", "")) if part)
    name: str = facts.get("display_name") or facts.get("formatted") or whole
    return name[:120]
