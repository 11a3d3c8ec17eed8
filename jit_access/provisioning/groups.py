"""Groups as a directory tells them. It names the members of the groups it brought, and of no other one.

A protected group is never a directory's, and a group that was made here is handed over here or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import F, QuerySet

from jit_access.accounts.models import User
from jit_access.accounts.services import add_to_group, remove_from_group
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason
from jit_access.provisioning.errors import ScimError
from jit_access.provisioning.models import ProvisionedGroup, ProvisionedUser, Provisioner
from jit_access.provisioning.shapes import read_group_patch, read_members

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def groups_of_directory(directory: Provisioner) -> QuerySet[ProvisionedGroup]:
    """The groups that are this directory's."""
    return ProvisionedGroup.objects.filter(provisioner=directory).select_related("group").order_by("pk")


def get_group(directory: Provisioner, public_id: str) -> ProvisionedGroup:
    """Raises: ScimError (404) for any other group too."""
    found = groups_of_directory(directory).filter(public_id=public_id).first()
    if found is None:
        raise ScimError(404, "There is no such group.")
    return found


def members_of_group(row: ProvisionedGroup) -> list[User]:
    """Those whom the directory may know."""
    own = row.group.user_set.filter(provisioned__provisioner_id=row.provisioner_id, provisioned__removed_at=None)
    return list(own.order_by("pk"))


def add_group(directory: Provisioner, body: dict[str, Any]) -> ProvisionedGroup:
    """A new group. Raises: ScimError (409 when the name is anybody's, 403 when it is protected)."""
    shown = _shown_name(body.get("displayName"))
    name = group_name(directory, shown)
    if name in settings.PROTECTED_GROUPS:
        raise ScimError(403, f"{name} is protected: its members are named at the gateway.")
    members = _people(directory, read_members(body.get("members")))
    with audited(actor=directory.ref) as audit:
        group, is_new = Group.objects.get_or_create(name=name)
        if not is_new:
            raise ScimError(409, "A group of that name is here already.", "uniqueness")
        row = ProvisionedGroup.objects.create(
            public_id=new_id("grp"),
            provisioner=directory,
            group=group,
            display_name=shown,
            external_id=_external_id(body.get("externalId")),
            changed_at=clock.now(),
        )
        audit.record("directory.group-added", detail={"directory": directory.slug, "group": name})
        _set_members(directory, row, members)
    return row


def replace_group(
    directory: Provisioner, public_id: str, body: dict[str, Any], *, expected: int | None
) -> ProvisionedGroup:
    """PUT. The name that policy knows stays; what is shown may change. Raises: ScimError (404, 412)."""
    members = _people(directory, read_members(body.get("members")))
    with audited(actor=directory.ref):
        row = _locked(directory, public_id, expected)
        row.display_name = _shown_name(body.get("displayName"))
        row.external_id = _external_id(body.get("externalId"))
        _set_members(directory, row, members)
        _save(row)
    return row


def patch_group(
    directory: Provisioner, public_id: str, body: dict[str, Any], *, expected: int | None
) -> ProvisionedGroup:
    """PATCH: all of it or nothing. Raises: ScimError."""
    with audited(actor=directory.ref):
        row = _locked(directory, public_id, expected)
        for change, value in read_group_patch(body):
            if change == "name":
                row.display_name = _shown_name(value)
            elif change == "external_id":
                row.external_id = _external_id(value)
            elif change == "add":
                _join(directory, row, _people(directory, value))
            elif change == "remove":
                _leave(directory, row, _people(directory, value, is_strict=False))
            else:
                _set_members(directory, row, _people(directory, value))
        _save(row)
    return row


def remove_group(directory: Provisioner, public_id: str, *, expected: int | None) -> None:
    """Everybody whom the directory put in loses it. Others in it, named here, stay. Raises: ScimError (404, 412)."""
    with audited(actor=directory.ref) as audit:
        row = _locked(directory, public_id, expected)
        _set_members(directory, row, [])
        group = row.group
        row.delete()
        if not group.user_set.exists():
            group.delete()
        audit.record("directory.group-removed", detail={"directory": directory.slug, "group": group.name})


def adopt_group(*, actor: ActorRef, directory: Provisioner, name: str) -> ProvisionedGroup:
    """Hand a group that is here to a directory. Raises: CallerError for a protected one; Conflict."""
    if name in settings.PROTECTED_GROUPS:
        raise CallerError(Reason.INVALID_INPUT, f"{name} is protected (JIT_PROTECTED_GROUPS).")
    group = Group.objects.filter(name=name).first()
    if group is None or ProvisionedGroup.objects.filter(group=group).exists():
        raise Conflict(Reason.STATE_CHANGED, "There is no such group, or it belongs to a directory already.")
    with audited(actor=actor) as audit:
        row = ProvisionedGroup.objects.create(
            public_id=new_id("grp"), provisioner=directory, group=group, display_name=name, changed_at=clock.now()
        )
        audit.record("directory.group-adopted", detail={"directory": directory.slug, "group": name})
    return row


def group_name(directory: Provisioner, shown: str) -> str:
    """The name that policy uses: `Model Owners` of `corp` becomes `corp-model-owners`.

    Whoever may make groups in a directory must not make one that policy knows already. Raises: ScimError.
    """
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100].strip("-")
    if not _NAME.fullmatch(name):
        raise ScimError(400, "A displayName has letters or digits.", "invalidValue")
    return f"{directory.slug}-{name}"


def _set_members(directory: Provisioner, row: ProvisionedGroup, wanted: list[User]) -> None:
    ids = {user.pk for user in wanted}
    held = members_of_group(row)
    _leave(directory, row, [user for user in held if user.pk not in ids])
    _join(directory, row, wanted)


def _join(directory: Provisioner, row: ProvisionedGroup, users: Iterable[User]) -> None:
    if row.group.name in settings.PROTECTED_GROUPS:  # protected later on
        raise ScimError(403, f"{row.group.name} is protected: its members are named at the gateway.")
    for user in users:
        add_to_group(actor=directory.ref, user=user, group=row.group.name)


def _leave(directory: Provisioner, row: ProvisionedGroup, users: Iterable[User]) -> None:
    for user in users:
        remove_from_group(actor=directory.ref, user=user, group=row.group.name)


def _people(directory: Provisioner, ids: tuple[str, ...], *, is_strict: bool = True) -> list[User]:
    rows = ProvisionedUser.objects.filter(
        provisioner=directory, removed_at=None, user__public_id__in=ids
    ).select_related("user")
    found = [row.user for row in rows.order_by("pk")]
    if is_strict and len(found) != len(set(ids)):
        raise ScimError(400, "A member is not a user of this directory.", "invalidValue")
    return found


def _locked(directory: Provisioner, public_id: str, expected: int | None) -> ProvisionedGroup:
    pk = get_group(directory, public_id).pk
    row = ProvisionedGroup.objects.select_for_update(of=("self",)).select_related("group").get(pk=pk)
    if expected is not None and expected != row.version:
        raise ScimError(412, "It changed meanwhile. Read it again.")
    return row


def _save(row: ProvisionedGroup) -> None:
    row.changed_at = clock.now()
    row.version = F("version") + 1
    row.save()
    row.refresh_from_db()


def _shown_name(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > 150 or not text.isprintable():
        raise ScimError(400, "A displayName has 1 to 150 characters.", "invalidValue")
    return text


def _external_id(value: object) -> str:
    return value[:255] if isinstance(value, str) else ""
