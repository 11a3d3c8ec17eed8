"""What the gateway answers itself: who asks, and whether a grant covers a repository."""

from __future__ import annotations

from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.wanted import Admission


def whoami_answer(admission: Admission) -> Answer:
    """Who holds this token. The hub would name the gateway's own account, its organisations and its e-mail."""
    view = admission.view
    token = {"displayName": view.grant_id, "role": "read"}
    return json_answer({
        "type": "user", "id": view.actor_id, "name": view.actor_name, "fullname": view.actor_name, "isPro": False,
        "orgs": [], "auth": {"type": "access_token", "accessToken": token},
    })  # fmt: skip


def auth_check_answer() -> Answer:
    """Yes: the gate said so just now."""
    return json_answer({})
