"""A directory, as the gateway hears it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from jit_access.domain.actors import GATEWAY
from jit_access.provisioning import directories
from jit_access.provisioning.models import Provisioner

BASE = "/scim/v2"


@dataclass(slots=True)
class Directory:
    """One that sends what it is told to, with its token."""

    token: str
    status: int = 0

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        sent = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        answer = Client().generic(
            method,
            BASE + path,
            json.dumps(body) if body is not None else "",
            content_type="application/scim+json",
            headers=sent,
        )
        self.status = answer.status_code
        assert answer["Content-Type"] == "application/scim+json"
        return json.loads(answer.content) if answer.content else {}

    def get(self, path: str, **headers: str) -> dict[str, Any]:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self.send("POST", path, body)

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> dict[str, Any]:
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
        return self.send("PATCH", path, body, **headers)


def make(slug: str) -> tuple[Provisioner, Directory]:
    row, token = directories.add_directory(actor=GATEWAY, slug=slug, name=slug.title())
    return row, Directory(token.reveal())


@pytest.fixture
def corp(db: None) -> Directory:
    return make("corp")[1]


@pytest.fixture
def row(corp: Directory) -> Provisioner:
    return directories.get_directory("corp")


def entra_user(name: str = "eve@corp.example", **more: Any) -> dict[str, Any]:
    """As Entra's provisioning service posts one."""
    return {
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": name,
        "active": True,
        "displayName": "Eve Corp",
        "emails": [{"primary": True, "type": "work", "value": "eve@corp.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Eve Corp", "familyName": "Corp", "givenName": "Eve"},
        "roles": [],
        **more,
    }
