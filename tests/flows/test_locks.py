"""The kill switch meets running pulls, with everything real: what it names is cut, what it does not name arrives."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows import test_first_pull as first
from tests.flows.test_first_pull import SlowPull, ping, pull
from tests.support import stories
from tests.support.processes import wait_for
from tests.support.stack import Stack
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
BASE = "tools/base-image"
big_layer = first.big_layer  # the same fixture


def call(visit: Visit, stack: Stack, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What Dora does over the API."""
    dora = visit("dora")
    headers = {
        "X-CSRFToken": dora.client.cookies.get("csrftoken", ""), "Referer": stack.web, "Origin": stack.web,
    }  # fmt: skip
    answer = dora.client.post(f"/api/v1{path}", json=body, headers=headers)
    if answer.status_code == httpx.codes.FORBIDDEN:  # her sign-in was too long ago; codes are few
        proof = {"code": stack.fresh_code("dora")}
        answer = dora.client.post(f"/api/v1{path}", json=body | proof, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def is_cut(running: SlowPull, size: int) -> bool:
    try:
        running.read_to_the_end()
    except (ConnectionError, http.client.IncompleteRead):
        return running.received < size
    finally:
        running.close()
    return False


@pytest.mark.parametrize("axis", ["grant", "resource", "tier", "person", "target"])
def test_a_running_pull_is_cut_and_goes_on_after_lifting(
    stack: Stack,
    visit: Visit,
    big_layer: tuple[str, int],
    tmp_path: Path,
    axis: str,
) -> None:
    digest, size = big_layer
    held = stories.get_access(visit)
    stories.ask(visit("ada"), BASE)
    twin = stories.start(visit("ada"))
    running = SlowPull(stack, held, digest)
    name = {
        "grant": held.grant_id,
        "resource": f"demo-registry/{stories.MODEL}",
        "tier": "sensitive",
        "person": "ada",
        "target": "demo-registry",
    }[axis]
    why = "A weight file of it was found in a public bucket"
    lock = call(visit, stack, "/locks", {"axis": axis, "name": name, "reason": why})
    assert is_cut(running, size)
    assert ping(stack, held) == (403, "locked")
    hits_both = axis in {"person", "target"}
    assert ping(stack, twin) == ((403, "locked") if hits_both else (200, ""))
    call(visit, stack, f"/locks/{lock['id']}/lift", {})
    wait_for(lambda: ping(stack, held) == (200, ""), "the pull may go on")
    assert pull(stack, held, tmp_path / "again").returncode == 0
    for one in (held, twin):
        stories.end(visit("ada"), one.grant_id)


def test_one_token_is_cut_and_the_other_token_of_the_grant_runs_on(
    stack: Stack,
    visit: Visit,
    big_layer: tuple[str, int],
) -> None:
    digest, size = big_layer
    stolen = stories.get_access(visit)
    kept = stories.Started(stolen.grant_id, stories.another_token(visit("ada"), stolen.grant_id))
    dora = visit("dora")
    tokens = dora.client.get(f"/api/v1/grants/{stolen.grant_id}/tokens").json()["results"]
    pulls = {one: SlowPull(stack, one, digest) for one in (stolen, kept)}
    oldest = tokens[-1]["id"]
    call(visit, stack, "/locks", {"axis": "credential", "name": oldest, "reason": "Seen in a build log"})
    assert is_cut(pulls[stolen], size)
    pulls[kept].read_to_the_end()
    pulls[kept].close()
    assert pulls[kept].received == size
    assert (ping(stack, stolen), ping(stack, kept)) == ((403, "locked"), (200, ""))
    stories.end(visit("ada"), stolen.grant_id)
