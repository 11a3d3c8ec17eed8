"""A second signature under a stricter policy meets a running pull, with everything real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows import test_first_pull as first
from tests.flows.test_first_pull import SlowPull, ping
from tests.flows.test_locks import is_cut
from tests.policies.samples import EXAMPLE, EXAMPLE_DIR
from tests.support import stories
from tests.support.stack import Stack
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
ROOT = Path(__file__).parents[2]
big_layer = first.big_layer  # the same fixture
_REST = ',\n  action in [Action::"pull", Action::"push"],\n  resource in Tier::"sensitive"'
OPEN, CLOSED = f'principal in Group::"research"{_REST}', f'principal in Group::"model-owners"{_REST}'


def manage(stack: Stack, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=stack.environment(), check=True, capture_output=True
    )


def move(stack: Stack, how: str) -> None:
    """Ben joins security, or leaves it."""
    manage(stack, "shell", "-c", (
        "from jit_access.accounts.selectors import find_by_name; from jit_access.accounts import services; "
        "from jit_access.domain.actors import GATEWAY; "
        f"services.{how}(actor=GATEWAY, user=find_by_name('ben'), group='security')"
    ))  # fmt: skip


@pytest.fixture
def two_of_security(stack: Stack) -> Iterator[None]:
    move(stack, "add_to_group")
    yield
    move(stack, "remove_from_group")
    manage(stack, "policy", "load", str(EXAMPLE_DIR))


def call(stack: Stack, who: Visitor, path: str, body: dict[str, Any]) -> Any:
    headers = {"X-CSRFToken": who.client.cookies.get("csrftoken", ""), "Referer": stack.web, "Origin": stack.web}
    answer = who.client.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


@pytest.mark.usefixtures("two_of_security")
def test_a_signature_cuts_what_it_forbids(stack: Stack, visit: Visit, big_layer: tuple[str, int]) -> None:
    digest, size = big_layer
    held = stories.get_access(visit)
    running = SlowPull(stack, held, digest)
    files = {name: text.replace(OPEN, CLOSED) for name, text in EXAMPLE.files.items()}
    body = {"schema_text": EXAMPLE.schema, "files": files, "because": "Owners only, after the audit"}
    proposed = call(stack, visit("dora"), "/policies/proposals", body)
    assert held.grant_id in {one["id"] for one in proposed["effects"]["differences"] if one["is_ending"]}
    assert ping(stack, held) == (200, ""), "a proposal changes nothing"
    signing = {"digest": proposed["digest"], "code": stack.fresh_code("ben")}
    signed = call(stack, visit("ben"), f"/policies/proposals/{proposed['id']}/sign", signing)
    assert signed["state"] == "activated"
    assert is_cut(running, size)
    assert ping(stack, held) == (403, "policy-tightened")
