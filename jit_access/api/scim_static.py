"""What this SCIM server says of itself (RFC 7643 5 to 7): only what it does."""

from __future__ import annotations

from typing import Any, Final

from jit_access.api.scim_resources import ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA

_CONFIG: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
_TYPE: Final = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Schema"


def _attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
        **more,
    }


def _part(*names: str) -> list[dict[str, Any]]:
    return [_attribute(name) for name in names]


DOCUMENTS: Final[dict[str, dict[str, Any] | list[dict[str, Any]]]] = {
    "ServiceProviderConfig": {
        "schemas": [_CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": 200},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "Made at the gateway by manage.py directory add.",
            }
        ],
    },
    "ResourceTypes": [
        {
            "schemas": [_TYPE],
            "id": "User",
            "name": "User",
            "endpoint": "/Users",
            "schema": USER_SCHEMA,
            "schemaExtensions": [{"schema": ENTERPRISE_SCHEMA, "required": False}],
        },
        {"schemas": [_TYPE], "id": "Group", "name": "Group", "endpoint": "/Groups", "schema": GROUP_SCHEMA},
    ],
    "Schemas": [
        {
            "schemas": [_SCHEMA],
            "id": USER_SCHEMA,
            "name": "User",
            "attributes": [
                _attribute("userName", required=True, uniqueness="server"),
                _attribute("name", "complex", subAttributes=_part("formatted", "givenName", "familyName")),
                *_part("displayName", "title"),
                _attribute("emails", "complex", multiValued=True, subAttributes=_part("value", "type")),
                _attribute("active", "boolean"),
            ],
        },
        {
            "schemas": [_SCHEMA],
            "id": ENTERPRISE_SCHEMA,
            "name": "EnterpriseUser",
            "attributes": [_attribute("manager", "complex", subAttributes=_part("value", "displayName"))],
        },
        {
            "schemas": [_SCHEMA],
            "id": GROUP_SCHEMA,
            "name": "Group",
            "attributes": [
                _attribute("displayName", required=True),
                _attribute("members", "complex", multiValued=True, subAttributes=_part("value", "display")),
            ],
        },
    ],
}
