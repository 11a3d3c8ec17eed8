"""Two open grants at one gateway: the commands on the cards, pasted into a shell, work side by side."""

from __future__ import annotations

import html
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import stories
from tests.support.stack import Stack
from tests.support.stories import Started
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
BASE = "tools/base-image"


def commands_of(visitor: Visitor, grant_id: str) -> list[str]:
    """What the card of this grant says, command by command, as somebody would copy it."""
    text = visitor.open("/access").text
    card = text[text.index(f'id="{grant_id}"') :].split("</article>", 1)[0]
    found = re.findall(r'<code class="command__text"[^>]*>(.*?)</code>', card, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", command)).removeprefix("$ ").strip() for command in found]


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A shell of somebody whose home is empty."""
    (tmp_path / "work").mkdir()
    stories.skopeo_binary()

    def run(command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        words = ["bash", "-c", command]
        keyboard, terminal = os.openpty()  # a client asks for a password only where somebody can type one
        try:
            os.write(keyboard, f"{typed}\n".encode())
            return subprocess.run(
                words, cwd=tmp_path / "work", env=env, stdin=terminal, capture_output=True, text=True, timeout=120,
                check=False,
            )  # fmt: skip
        finally:
            os.close(keyboard)
            os.close(terminal)

    return run


def login(shell: Callable[..., subprocess.CompletedProcess[str]], visitor: Visitor, held: Started) -> str:
    """Sign in with the first command of the card; returns the pull that follows it."""
    signing_in, pull = commands_of(visitor, held.grant_id)
    done = shell(signing_in, held.token)
    assert done.returncode == 0, done.stderr
    return pull


def test_the_second_login_leaves_the_first_as_it_was(
    stack: Stack, visit: Visit, shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ada = visit("ada")
    model = stories.get_access(visit)
    stories.ask(ada, BASE)  # policy opens it by itself
    base = stories.start(ada)
    pull_model, pull_base = login(shell, ada, model), login(shell, ada, base)
    for pull in (pull_model, pull_base):
        done = shell(pull)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "tiny-llama").is_dir()
    assert (tmp_path / "work" / "base-image").is_dir()
    files = sorted(path.name for path in (tmp_path / ".config" / "jit").iterdir())
    assert files == sorted([f"{model.grant_id}.json", f"{base.grant_id}.json"])
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / ".config" / "jit").iterdir())
    stories.end(ada, model.grant_id)
    assert shell(pull_base).returncode == 0
    refused = shell(pull_model)
    assert refused.returncode != 0
    assert "You ended this grant" in refused.stderr
    stories.end(ada, base.grant_id)


def test_one_shared_file_would_forget_the_first_grant(
    stack: Stack, visit: Visit, shell: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Why each grant has a file: with one for both the newer token answers for everything at that host."""
    ada = visit("ada")
    model = stories.get_access(visit)
    stories.ask(ada, BASE)
    base = stories.start(ada)
    pulls = []
    for held in (model, base):
        signing_in, pull = (
            command.replace(f"{held.grant_id}.json", "shared.json") for command in commands_of(ada, held.grant_id)
        )
        assert shell(signing_in, held.token).returncode == 0
        pulls.append(pull)
    assert shell(pulls[1]).returncode == 0
    assert "does not cover this repository" in shell(pulls[0]).stderr
    stories.end(ada, model.grant_id)
    stories.end(ada, base.grant_id)
