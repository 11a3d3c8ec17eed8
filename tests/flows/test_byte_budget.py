"""A byte budget with two real proxy processes and slow readers on both of them."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from jit_access.demo.stack.layout import ROOT
from tests.flows.test_first_pull import SlowPull, big_layer  # noqa: F401  # a fixture
from tests.support import stories
from tests.support.processes import wait_for
from tests.support.stack import Stack
from tests.support.visitor import Visitor

MIB = 1024 * 1024
BUDGET = 24 * MIB
_SET = """
from jit_access.grants.models import Grant
from jit_access.grants.services.session_views import push_views
Grant.objects.filter(public_id={grant!r}).update(byte_budget={budget})
push_views(Grant.objects.get(public_id={grant!r}))
"""


def give_budget(stack: Stack, grant_id: str, budget: int) -> None:
    """As a policy with `@byte_budget` would have it."""
    code = _SET.format(grant=grant_id, budget=budget)
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=stack.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_budget_holds_over_both_proxies(
    stack: Stack, visit: Callable[[str], Visitor], big_layer: tuple[str, int]  # noqa: F811
) -> None:  # fmt: skip
    digest, size = big_layer
    held = stories.get_access(visit)
    give_budget(stack, held.grant_id, BUDGET)
    pulls = [SlowPull(stack, held, digest) for _ in range(6)]  # the kernel spreads them over both processes
    for running in pulls:
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            running.read_to_the_end()
        assert running.received < size
        running.close()

    def is_spent() -> bool:
        address = f"{stack.layout.gateway_url}/v2/demo-registry/{stories.MODEL}/blobs/{digest}"
        answer = httpx.head(address, auth=("ada", held.token))
        return answer.status_code == httpx.codes.FORBIDDEN

    wait_for(is_spent, "nothing more is let through")
    stories.end(visit("ada"), held.grant_id)
