"""Somebody leaves the company: one message of its directory, and their running download is cut. Everything real."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx

from tests.flows import test_first_pull as first
from tests.flows.test_first_pull import SlowPull, manage, ping
from tests.flows.test_locks import is_cut
from tests.support import stories
from tests.support.stack import Stack
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
big_layer = first.big_layer  # the same fixture


def tell(stack: Stack, token: str, person: str, value: str) -> dict[str, Any]:
    """As Entra says it."""
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": value}],
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    answer = httpx.patch(f"{stack.web}/scim/v2/Users/{person}", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_leaving_cuts_a_running_pull(stack: Stack, visit: Visit, big_layer: tuple[str, int]) -> None:
    digest, size = big_layer
    token = manage(stack, "directory", "add", "corp").stdout.strip()
    adopted = manage(stack, "directory", "adopt", "corp", "ada")
    person = adopted.stdout.strip().rstrip(".").rpartition(" ")[2]
    held, ada = stories.get_access(visit), visit("ada")
    running = SlowPull(stack, held, digest)
    assert tell(stack, token, person, "False")["active"] is False
    try:
        assert is_cut(running, size)
        assert ping(stack, held)[0] in {401, 403}
        assert "/sign-in" in ada.open("/access").url.path
    finally:
        tell(stack, token, person, "True")
        ada.sign_in()  # for the stories that follow, in which her agent acts too
        agent = re.findall(r'href="(/agents/usr_\w+)"', ada.open("/agents").text)[0]
        ada.open(f"{agent}/resume")
        assert ada.submit(f"{agent}/resume").status_code == 200
