"""What people see in their terminal when a grant ends in the middle of a download, and when they try again.

The hub stops in the middle of each file, so nothing moves when the grant ends: what ends a transfer is the cut alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import PUBLIC_URL, PULL, Gateway, Held
from tests.support.hub import Hub, HubRepository, running_hub
from tests.support.hub.gateways import endpoint, hub_gateway
from tests.support.processes import LONGEST_WAIT_S, wait_for

NAME, REPO = "models/Org/Tiny-Llama", "Org/Tiny-Llama"
SIZE, FILES = 400_000, 8
WHY = f"This session was revoked. Request access at {PUBLIC_URL}/request?resource=hub/{NAME}&operation=pull"
PYTHON = "from huggingface_hub import hf_hub_download, snapshot_download; "
# How many files run at once in each way to download.
WAYS: dict[str, tuple[list[str], int]] = {
    "hf_hub_download": ([sys.executable, "-c", f"{PYTHON}hf_hub_download({REPO!r}, 'part-1')"], 1),
    "snapshot_download": ([sys.executable, "-c", f"{PYTHON}snapshot_download({REPO!r}, max_workers=8)"], FILES),
    "hf download": (["hf", "download", REPO, "--max-workers", "8"], FILES),
    "hf download one": (["hf", "download", REPO, "part-1"], 1),
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        repo = running.repositories[NAME] = HubRepository()
        repo.branches["main"] = repo.commit({f"part-{number}": os.urandom(SIZE) for number in range(FILES)})
        running.hold = threading.Event()
        yield running
        running.hold.set()


@pytest.fixture
def gateway(tmp_path: Path, hub: Hub) -> Iterator[Gateway]:
    with hub_gateway(tmp_path / "gw", hub, {}) as running:
        yield running


def begin(gateway: Gateway, held: Held, folder: Path, command: list[str]) -> subprocess.Popen[str]:
    env = {
        "HOME": str(folder), "HF_HOME": str(folder / "home"), "NO_COLOR": "1", "COLUMNS": "500",
        "HF_ENDPOINT": endpoint(gateway), "HF_TOKEN": held.token, "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }  # fmt: skip
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(running: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said, _ = running.communicate(timeout=LONGEST_WAIT_S)
    finally:
        running.kill()
    return running.returncode, said


@pytest.mark.parametrize("way", list(WAYS))
def test_all_that_runs_is_cut_and_trying_again_says_why(gateway: Gateway, hub: Hub, tmp_path: Path, way: str) -> None:
    command, at_once = WAYS[way]
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    client = begin(gateway, held, tmp_path, command)

    wait_for(lambda: hub.halves == at_once or client.poll() is not None, f"{at_once} running downloads")
    gateway.revoke(held)
    code, said = end(client)
    # A file whose first byte had not left yet is refused in words, the others can only be reset.
    assert (code != 0, "Connection reset by peer" in said or WHY in said) == (True, True), said

    def ended() -> list[dict[str, object]]:
        return gateway.records("proxy.", grant=held.view.grant_id, reason="grant-revoked")

    wait_for(lambda: len(ended()) >= at_once, "all have ended")
    assert any(item["kind"] == "proxy.transfer.cut" for item in ended())
    assert all(int(str(item["bytes_out"])) <= SIZE // 2 for item in ended())
    assert not [item for item in tmp_path.rglob("*") if item.is_file() and item.stat().st_size == SIZE]
    code, said = end(begin(gateway, held, tmp_path, command))
    assert (code != 0, WHY in said) == (True, True), said


def test_what_was_not_cut_arrives(gateway: Gateway, hub: Hub, tmp_path: Path) -> None:
    assert hub.hold is not None
    hub.hold.set()
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    code, said = end(begin(gateway, held, tmp_path, WAYS["snapshot_download"][0]))
    assert code == 0, said
    sizes = [item.stat().st_size for item in tmp_path.rglob("part-*") if item.is_file()]
    assert sizes == [SIZE] * FILES
