"""Code in the gateway's own surroundings, beside the running processes: states that no page makes in one step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.machine import ROOT
from tests.support.stack import Stack

_MEMBER = """
from jit_access.accounts import services
from jit_access.accounts.models import User
from jit_access.domain.actors import GATEWAY
services.{verb}(actor=GATEWAY, user=User.objects.get(username="{username}"), group="{group}")
"""


def in_the_gateway(stack: Stack, code: str, **env: str) -> None:
    """`manage.py shell`, with what the stack's own processes have."""
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", code]
    surroundings = stack.environment() | env
    ran = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@contextmanager
def member_for_now(stack: Stack, username: str, group: str) -> Iterator[None]:
    """In one more group, until the block ends: the stack is shared by all stories."""
    in_the_gateway(stack, _MEMBER.format(verb="add_to_group", username=username, group=group))
    try:
        yield
    finally:
        in_the_gateway(stack, _MEMBER.format(verb="remove_from_group", username=username, group=group))
