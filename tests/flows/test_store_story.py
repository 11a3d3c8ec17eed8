"""A store from the page where it is added to the commands on a card, pasted into a shell with the real `aws`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.flows.test_two_grants import commands_of
from tests.support import stories
from tests.support.asking_by_curl import ask_as_written
from tests.support.jit_in_tools import ended, machine_of_agent, opened, sh
from tests.support.machine import Machine
from tests.support.stack import Stack
from tests.support.store import KEY_ID, SECRET, Store, running_store
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
Shell = Callable[..., subprocess.CompletedProcess[str]]
NAME = "weights/Tiny-Llama"


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("moto")) as running:
        direct = running.client()
        direct.create_bucket(Bucket="weights")
        direct.put_object(Bucket="weights", Key="Tiny-Llama/model.safetensors", Body=b"weights")
        yield running


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Of somebody whose home is empty, who has `aws`, and a key of their own in the environment."""
    (tmp_path / "work").mkdir()

    def run(command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path),
               "AWS_ACCESS_KEY_ID": "AKIAPERSONAL", "AWS_SECRET_ACCESS_KEY": "personal"}  # fmt: skip
        words = ["bash", "-c", command]
        return subprocess.run(
            words, cwd=tmp_path / "work", env=env, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_a_store_is_added_found_asked_for_and_used(
    stack: Stack, visit: Visit, store: Store, shell: Shell, tmp_path: Path
) -> None:
    add_store(visit("ben"), store)
    asker = visit("ada")
    stories.ask(asker, NAME, target="our-store")
    held = stories.start(asker)
    shown = re.search(rf"lse_\w+ \S{{40}} {held.token}", asker.page.text)
    assert shown, "the three values are not on the page"
    keep, listing, download, python = commands_of(asker, held.grant_id)
    assert held.token not in keep + listing + download + python
    done = shell(keep, f"{shown[0]}\n")
    assert done.returncode == 0, done.stderr
    file = tmp_path / ".config" / "jit" / f"{held.grant_id}.s3"
    assert (held.token in file.read_text(), file.stat().st_mode & 0o077) == (True, 0)
    done = shell(listing)
    assert (done.returncode, "Tiny-Llama/model.safetensors" in done.stdout) == (0, True), done.stderr
    done = shell(download)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "Tiny-Llama" / "model.safetensors").read_bytes() == b"weights"
    read = "import boto3; s = boto3.client('s3'); print(s.get_object(Bucket='weights', Key='{}')['Body'].read())"
    done = shell(f'{python} -c "{read.format("Tiny-Llama/model.safetensors")}"')
    assert "b'weights'" in done.stdout, done.stderr
    signed = shell(listing.replace(" ls --recursive ", " presign ").replace("Llama/", "Llama/model.safetensors"))
    assert httpx.get(signed.stdout.strip()).content == b"weights", signed
    store.client().put_object(Bucket="weights", Key="frontier/model.safetensors", Body=b"secret")
    foreign = shell(f'{python} -c "{read.format("frontier/model.safetensors")}"')
    assert "Your grant does not cover this bucket or prefix." in foreign.stderr
    stories.end(asker, held.grant_id)
    ended = shell(f"rm -rf Tiny-Llama; {download}")
    assert ended.returncode != 0
    assert not (tmp_path / "work" / "Tiny-Llama" / "model.safetensors").exists()
    document = "how-to/point-it-at-your-store.md"
    ask_as_written(document, tmp_path, operator=visit("ben"), asker=asker, target="our-store")

    the_profile_asks_jit(machine_of_agent(stack, tmp_path / "ci"))


def the_profile_asks_jit(machine: Machine) -> None:
    """`jit setup aws`: the CLI and boto3 start `jit aws-credential` by themselves, through the profile alone."""
    assert machine.jit("setup", "aws").returncode == 0
    assert "jit request our-store/" in sh(machine, "aws --profile jit-our-store s3 ls || true").stderr
    opened(machine, f"our-store/{NAME}")
    copied = sh(machine, f"aws --profile jit-our-store s3 cp s3://{NAME}/model.safetensors got")
    assert (copied.returncode, machine.file("got").read_bytes()) == (0, b"weights"), copied.stderr
    read = "import boto3; s = boto3.Session(profile_name='jit-our-store').client('s3')"
    read += "; print(s.get_object(Bucket='weights', Key='Tiny-Llama/model.safetensors')['Body'].read())"
    assert "b'weights'" in sh(machine, f'python3 -c "{read}"').stdout
    signed = sh(machine, f"aws --profile jit-our-store s3 presign s3://{NAME}/model.safetensors")
    assert httpx.get(signed.stdout.strip()).content == b"weights", signed
    ended(machine)
    assert sh(machine, f"aws --profile jit-our-store s3 cp s3://{NAME}/model.safetensors again").returncode != 0


def add_store(operator: Visitor, store: Store) -> None:
    """As an operator does it: kind, address and key; look what it holds; say how much it matters."""
    operator.open("/targets/new")
    operator.submit(
        "/targets/new", kind="s3", display_name="Our store", slug="our-store", base_url=store.url,
        allow_private="on", username=KEY_ID, password=SECRET,
    )  # fmt: skip
    assert "our-store answers" in operator.page.text
    operator.submit("/discover")
    assert NAME in operator.page.text
    operator.submit("/tier", tier="standard")
