"""A person and a group as SCIM shows them (RFC 7643 4)."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

from jit_access.provisioning.groups import members_of_group
from jit_access.provisioning.models import ProvisionedGroup, ProvisionedUser

USER_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_SCHEMA: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def describe_user(row: ProvisionedUser) -> dict[str, Any]:
    """What the directory may know: what it told us, and whether the account works."""
    user = row.user
    emails = [{"value": user.email, "type": "work", "primary": True}] if user.email else []
    described: dict[str, Any] = {
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA],
        "id": user.public_id,
        "userName": user.username,
        "name": {"formatted": user.display_name},
        "displayName": user.display_name,
        "title": user.title,
        "emails": emails,
        "active": user.is_active,
        "meta": {
            "resourceType": "User",
            "created": row.made_at.isoformat(),
            "lastModified": row.changed_at.isoformat(),
            "location": _address("Users", user.public_id),
            "version": f'W/"{row.version}"',
        },
    }
    if row.external_id:
        described["externalId"] = row.external_id
    if row.manager is not None:
        described[ENTERPRISE_SCHEMA] = {
            "manager": {"value": row.manager.public_id, "displayName": row.manager.display_name}
        }
    return described


def describe_group(row: ProvisionedGroup, *, has_members: bool) -> dict[str, Any]:
    """A group with the members whom the directory may know."""
    described: dict[str, Any] = {
        "schemas": [GROUP_SCHEMA],
        "id": row.public_id,
        "displayName": row.display_name,
        "meta": {
            "resourceType": "Group",
            "created": row.created_at.isoformat(),
            "lastModified": row.changed_at.isoformat(),
            "location": _address("Groups", row.public_id),
            "version": f'W/"{row.version}"',
        },
    }
    if row.external_id:
        described["externalId"] = row.external_id
    if has_members:
        described["members"] = [
            {
                "value": user.public_id,
                "display": user.display_name,
                "type": "User",
                "$ref": _address("Users", user.public_id),
            }
            for user in members_of_group(row)
        ]
    return described


def _address(kind: str, public_id: str) -> str:
    return f"{settings.PUBLIC_URL}/scim/v2/{kind}/{public_id}"
