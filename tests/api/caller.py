"""Speaks to the API as people (a proved session) and as service accounts (a token) do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from jit_access.accounts.models import User
from jit_access.accounts.services import issue_api_token
from jit_access.domain.actors import GATEWAY
from tests.support.lifecycles import HOUR, TINY
from tests.support.sessions import signed_in

ROOT = "/api/v1"


class Caller:
    """One account at the API. Answers are Django's, with `.json()`."""

    def __init__(self, user: User, *, factor: str = "fresh") -> None:
        self.user = user
        self.headers: dict[str, str] = {}
        if user.is_person:
            self.client = signed_in(user, factor)
        else:
            issued = issue_api_token(actor=GATEWAY, user=user, name="ci", lasts=timedelta(days=1))
            self.client = Client()
            self.headers = {"Authorization": f"Bearer {issued.text.reveal()}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(ROOT + path, query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.client.post(ROOT + path, body or {}, content_type="application/json", headers=headers)


def wish(repository: str = TINY, **changes: Any) -> dict[str, Any]:
    """The body of a request for one repository."""
    body = {
        "target": "demo-registry",
        "resources": [{"repository": repository, "operations": ["pull"]}],
        "lasts_s": HOUR,
        "purpose": "Evaluate the new checkpoint",
    }
    return body | changes
