"""One exchange at the token endpoint, as a job makes it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from django.test import Client

from jit_access.audit.models import AuditEntry

TOKEN = "/oauth/token"  # an address
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # a name


def exchange(token: object, *, proof: str = "", **form: str) -> Any:
    """POST the form; a field with an empty text is left out."""
    said = {"grant_type": EXCHANGE, "subject_token": str(token), "subject_token_type": JWT, **form}
    body = "&".join(f"{name}={quoted(value)}" for name, value in said.items() if value)
    headers = {"DPoP": proof} if proof else {}
    return Client().post(TOKEN, body, content_type="application/x-www-form-urlencoded", headers=headers)


def quoted(text: str) -> str:
    return quote(text, safe="")


def call(token: str, path: str = "/api/v1/me", *, method: str = "GET", scheme: str = "Bearer", proof: str = "") -> Any:
    """A call of the API with a token."""
    headers = {"Authorization": f"{scheme} {token}"}
    if proof:
        headers["DPoP"] = proof
    return Client().generic(method, path, b"{}" if method != "GET" else b"", "application/json", headers=headers)


def last(kind: str) -> dict[str, Any]:
    """The last record of a kind."""
    found: dict[str, Any] = json.loads(AuditEntry.objects.filter(kind=kind).latest("seq").body)
    return found
