"""A hub from the page where it is added to the commands on a card, pasted into a shell with the real `hf`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.test_two_grants import commands_of
from tests.support import stories
from tests.support.asking_by_curl import ask_as_written
from tests.support.hub import TOKEN, Hub, HubRepository, running_hub
from tests.support.inside import member_for_now
from tests.support.jit_in_tools import ended, machine_of_agent, opened, sh
from tests.support.machine import Machine
from tests.support.stack import Stack
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
NAME = "models/Org/Tiny-Llama"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        repo = running.repositories[NAME] = HubRepository()
        repo.branches["main"] = repo.commit({"config.json": b"{}", "model.safetensors": b"weights"})
        yield running


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Of somebody whose home is empty and who has `hf`."""
    (tmp_path / "work").mkdir()
    folder = Path(sys.executable).parent

    def run(command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path), "HF_TOKEN": "hf_personal"}
        words = ["bash", "-c", command]
        return subprocess.run(
            words, cwd=tmp_path / "work", env=env, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_a_hub_is_added_found_asked_for_and_used(
    stack: Stack, visit: Visit, hub: Hub, shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ben = visit("ben")
    add_hub(ben, hub)
    asker = visit("ada")
    stories.ask(asker, NAME, target="our-hub", references="main")  # policy opens it by itself
    held = stories.start(asker)
    keep, download, python = commands_of(asker, held.grant_id)
    assert held.token not in keep + download + python
    assert shell(keep, f"{held.token}\n").returncode == 0
    file = tmp_path / ".config" / "jit" / f"{held.grant_id}.hf"
    assert (file.read_text(), file.stat().st_mode & 0o077) == (held.token, 0)
    done = shell(download)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "Tiny-Llama" / "model.safetensors").read_bytes() == b"weights"
    asked = shell(python, f'from huggingface_hub import HfApi; print(HfApi().model_info("{NAME[7:]}").sha)')
    assert asked.stdout.strip() == hub.repositories[NAME].branches["main"], asked.stderr
    assert not any("hf_personal" in str(item.headers) for item in hub.seen)
    repo = hub.repositories[NAME]
    repo.branches["main"] = repo.commit({"model.safetensors": b"pushed later"})
    assert shell(f"rm -rf Tiny-Llama; {download}").returncode == 0
    assert (tmp_path / "work" / "Tiny-Llama" / "model.safetensors").read_bytes() == b"weights"
    stories.end(asker, held.grant_id)
    assert shell(f"rm -rf Tiny-Llama; {download}").returncode != 0
    writes(asker, shell, hub, tmp_path)
    document = "how-to/put-a-hugging-face-hub-behind-it.md"
    with member_for_now(stack, "ben", "research"):  # who reads, and owns models too
        ask_as_written(document, tmp_path, operator=ben, asker=ben, target="our-hub")
    the_file_of_the_agent_is_read(machine_of_agent(stack, tmp_path / "ci"))


def the_file_of_the_agent_is_read(machine: Machine) -> None:
    """`jit setup hf` and `jit agent`: `hf` finds the token by itself, and a login of one's own is not sent."""
    assert machine.jit("setup", "hf").returncode == 0
    opened(machine, f"our-hub/{NAME}")
    assert machine.jit("agent", "--once").returncode == 0
    download = f"export HF_TOKEN=hf_personal; . ~/.config/jit/hf-our-hub.env; hf download {NAME[7:]} --local-dir got"
    done = sh(machine, download)
    assert done.returncode == 0, done.stderr
    assert machine.file("got", "model.safetensors").read_bytes() == b"pushed later"
    ended(machine)
    assert machine.jit("agent", "--once").returncode == 0
    assert sh(machine, f"rm -r got; {download}").returncode != 0


def writes(asker: Visitor, shell: Callable[..., subprocess.CompletedProcess[str]], hub: Hub, folder: Path) -> None:
    for operations, file in (("pull,push", "by-hf"), ("push", "by-python")):
        stories.ask(asker, NAME, target="our-hub", operations=operations)
        held = stories.start(asker)
        keep, *_, upload, _python = commands_of(asker, held.grant_id)
        assert shell(keep, f"{held.token}\n").returncode == 0
        (folder / "work" / "Tiny-Llama").mkdir(exist_ok=True)
        (folder / "work" / "Tiny-Llama" / file).write_bytes(b"written")
        done = shell(upload)
        assert done.returncode == 0, done.stderr
        repo = hub.repositories[NAME]
        assert repo.commits[repo.branches["main"]][file] == b"written"
        stories.end(asker, held.grant_id)


def add_hub(operator: Visitor, hub: Hub) -> None:
    """As an operator does it: kind, address and token; look what it holds; say how much it matters."""
    operator.open("/targets/new")
    fields = {
        "kind": "hf",
        "display_name": "Our hub",
        "slug": "our-hub",
        "base_url": hub.base_url,
        "allow_private": "on",
    }
    operator.submit("/targets/new", **fields, password="hf_wrong")
    assert "refuses the token" in operator.page.text
    operator.open("/targets/new")
    operator.submit("/targets/new", **fields, password=TOKEN)
    assert "our-hub answers" in operator.page.text
    operator.submit("/discover")
    assert NAME in operator.page.text
    operator.submit("/tier", tier="standard")
