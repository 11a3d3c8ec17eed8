"""A tracking server from the page where it is added to the command on a card, pasted into a shell with `mlflow`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.test_two_grants import commands_of
from tests.support import stories
from tests.support.mlflow import Tracking, environment, running_server
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
Shell = Callable[..., subprocess.CompletedProcess[str]]
NAME, FOREIGN = "Tiny-Llama", "frontier"


@pytest.fixture
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    with running_server(tmp_path_factory.mktemp("mlflow")) as url:
        server = Tracking(url)
        for name in (NAME, FOREIGN):
            server.register(name, server.logged({"MLmodel": b"artifact_path: m\n", "weights.bin": b"weights"}))
        yield server


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Of somebody whose home is empty, who has `mlflow`, and a login of their own in the environment."""
    (tmp_path / "work").mkdir()

    def run(command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{environment()}:/usr/bin:/bin", "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true",
               "MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "personal"}  # fmt: skip
        words = ["bash", "-c", command]
        return subprocess.run(
            words, cwd=tmp_path / "work", env=env, input=stdin, capture_output=True, text=True, timeout=300, check=False
        )

    return run


def test_a_server_is_added_found_asked_for_and_used(
    visit: Visit, tracking: Tracking, shell: Shell, tmp_path: Path
) -> None:
    add_server(visit("ben"), tracking)
    asker = visit("ada")
    stories.ask(asker, f"models/{NAME}", target="our-tracking")
    held = stories.start(asker)
    keep, download, _python = commands_of(asker, held.grant_id)
    assert held.token not in keep + download
    done = shell(keep, f"{held.token}\n")
    assert done.returncode == 0, done.stderr
    done = shell(download)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / NAME / "weights.bin").read_bytes() == b"weights"
    foreign = shell(download.replace(NAME, FOREIGN))
    assert f"resource=our-tracking/models/{FOREIGN}" in foreign.stderr
    stories.end(asker, held.grant_id)
    assert shell(f"rm -rf {NAME}; {download}").returncode != 0
    assert not (tmp_path / "work" / NAME / "weights.bin").exists()


def add_server(operator: Visitor, tracking: Tracking) -> None:
    """As an operator does it: kind and address; look what it holds; say how much it matters."""
    operator.open("/targets/new")
    operator.submit(
        "/targets/new", kind="mlflow", display_name="Our tracking", slug="our-tracking", base_url=tracking.url,
        allow_private="on", username="", password="",
    )  # fmt: skip
    assert "our-tracking answers" in operator.page.text
    operator.submit("/discover")
    assert f"models/{NAME}" in operator.page.text
    for action in re.findall(r'action="([^"]+/tier)"', operator.page.text):
        operator.submit(action, tier="standard")
