"""Repositories themselves, by the unmodified client: made, moved, duplicated, removed, set up. Each with its twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import PUBLIC_URL, Gateway, Held
from tests.support.hub import Hub, HubRepository, running_hub
from tests.support.hub.gateways import api, endpoint, hub_gateway, raw_answer

NAME, OTHER, NEW = "models/Org/Tiny-Llama", "models/Org/Other", "models/Org/New"
REPO = "Org/Tiny-Llama"
ADMIN, PULL = frozenset({Operation.ADMIN}), frozenset({Operation.PULL})
CONTENT = frozenset({Operation.PULL, Operation.PUSH, Operation.DELETE})
FILES = {"config.json": b"{}", "model.safetensors": os.urandom(1000)}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        for name in (NAME, OTHER):
            repo = running.repositories[name] = HubRepository()
            repo.branches["main"] = repo.commit(FILES)
        yield running


@pytest.fixture
def gateway(tmp_path: Path, hub: Hub) -> Iterator[Gateway]:
    with hub_gateway(tmp_path / "gw", hub, {}) as running:
        yield running


def scopes(**names: frozenset[Operation]) -> list[ResourceScope]:
    return [ResourceScope({"own": NAME, "other": OTHER, "new": NEW}[key], what) for key, what in names.items()]


# What the client does, the least that covers it, and grants that come close but do not.
STORIES: dict[str, tuple[Callable[[HfApi], object], list[ResourceScope], list[list[ResourceScope]], str]] = {
    "create": (lambda c: c.create_repo("Org/New", private=True), scopes(new=ADMIN),
               [scopes(own=ADMIN, new=CONTENT), scopes(own=ADMIN)], NEW),
    "delete": (lambda c: c.delete_repo(REPO), scopes(own=ADMIN), [scopes(own=CONTENT), scopes(other=ADMIN)], NAME),
    "move": (lambda c: c.move_repo(REPO, "Org/New"), scopes(own=ADMIN, new=ADMIN),
             [scopes(own=ADMIN), scopes(new=ADMIN), scopes(own=ADMIN, new=CONTENT), scopes(own=CONTENT, new=ADMIN)],
             NEW),
    "settings": (lambda c: c.update_repo_settings(REPO, private=False, gated="manual"), scopes(own=ADMIN),
                 [scopes(own=CONTENT), scopes(other=ADMIN)], NAME),
    "duplicate": (lambda c: c.duplicate_repo(REPO, to_id="Org/New"), scopes(own=PULL, new=ADMIN),
                  [scopes(own=PULL), scopes(new=ADMIN), scopes(own=ADMIN, new=ADMIN), scopes(own=PULL, new=CONTENT)],
                  NEW),
}  # fmt: skip


def state(hub: Hub) -> dict[str, object]:
    return {name: (dict(repo.settings), list(repo.commits)) for name, repo in hub.repositories.items()}


@pytest.mark.parametrize("story", list(STORIES))
def test_what_a_grant_of_admin_covers_is_done_and_recorded(gateway: Gateway, hub: Hub, story: str) -> None:
    act, enough, _, name = STORIES[story]
    held = gateway.grant("hub", *enough)
    told = act(api(gateway, held))
    if told is not None:
        assert str(told) == f"{endpoint(gateway)}/Org/New"
    expected = {"create": {NAME, OTHER, NEW}, "delete": {OTHER}, "move": {OTHER, NEW}, "duplicate": {NAME, OTHER, NEW}}
    assert set(hub.repositories) == expected.get(story, {NAME, OTHER})
    done = gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id)
    assert (done["operation"], done["repository"]) == ("admin", name)
    assert held.token not in str(hub.seen)


@pytest.mark.parametrize("story", list(STORIES))
def test_a_grant_that_comes_close_changes_nothing(gateway: Gateway, hub: Hub, story: str) -> None:
    act, _, too_little, _ = STORIES[story]
    before = state(hub)
    for resources in too_little:
        with pytest.raises(
            GatedRepoError, match=rf"(?s)Your grant does not cover .*{PUBLIC_URL}/request\?resource=hub/"
        ):
            act(api(gateway, gateway.grant("hub", *resources)))
    assert state(hub) == before
    assert not hub.seen


def test_what_changed_stands_in_the_record(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", *scopes(own=ADMIN | PULL, new=ADMIN))
    client = api(gateway, held)
    client.update_repo_settings(REPO, visibility="public")
    assert hub.repositories[NAME].settings == {"visibility": "public"}
    allowed = gateway.wait_record("proxy.request.allowed", grant=held.view.grant_id)
    assert allowed["detail"]["visibility"] == "public"  # type: ignore[index]
    client.move_repo(REPO, "Org/New")
    moved = gateway.wait_record("proxy.request.allowed", grant=held.view.grant_id, repository=NEW)["detail"]
    assert (moved["moved_from"], moved["moved_to"]) == (NAME, NEW)  # type: ignore[index]


def test_what_is_there_already_and_what_is_not(gateway: Gateway, hub: Hub) -> None:
    client = api(gateway, gateway.grant("hub", *scopes(own=ADMIN, new=ADMIN)))
    assert client.create_repo(REPO, exist_ok=True) == f"{endpoint(gateway)}/{REPO}"
    with pytest.raises(HfHubHTTPError, match="The hub has a repository of that name already") as caught:
        client.create_repo(REPO)
    assert hub.base_url not in str(caught.value)
    with pytest.raises(RepositoryNotFoundError):
        client.delete_repo("Org/New")


def test_a_copy_keeps_its_content_and_says_what_is_pending(gateway: Gateway, hub: Hub) -> None:
    copied = api(gateway, gateway.grant("hub", *scopes(own=PULL, new=ADMIN))).duplicate_repo(REPO, to_id="Org/New")
    assert copied.files_copy_pending
    made = hub.repositories[NEW]
    assert made.commits[made.branches["main"]] == FILES


@pytest.mark.parametrize(("own", "new", "missing"), [
    (PULL, frozenset(), f"Missing: administer on hub/{NEW}"),
    (frozenset(), ADMIN, f"resource=hub/{NAME}&operation=pull"),
])  # fmt: skip
def test_a_copy_says_which_of_the_two_is_missing(
    gateway: Gateway, own: frozenset[Operation], new: frozenset[Operation], missing: str
) -> None:
    client = api(gateway, gateway.grant("hub", *scopes(own=own, new=new)))
    with pytest.raises(GatedRepoError, match=missing):
        client.duplicate_repo(REPO, to_id="Org/New")


@pytest.mark.parametrize("narrow", [
    ResourceScope(NAME, ADMIN | PULL, ("main",)), ResourceScope(NAME, ADMIN | PULL, files=("*.json",)),
])  # fmt: skip
def test_a_part_of_a_repository_is_neither_administered_nor_copied(
    gateway: Gateway, hub: Hub, narrow: ResourceScope
) -> None:
    before = state(hub)
    client = api(gateway, gateway.grant("hub", narrow, *scopes(new=ADMIN)))
    for act in (
        lambda: client.delete_repo(REPO), lambda: client.update_repo_settings(REPO, private=True),
        lambda: client.move_repo(REPO, "Org/New"), lambda: client.duplicate_repo(REPO, to_id="Org/New"),
    ):  # fmt: skip
        with pytest.raises(GatedRepoError):
            act()
    assert state(hub) == before


def test_a_grant_that_refuses_kinds_of_files_copies_nothing(gateway: Gateway, hub: Hub) -> None:
    """A copy would take them along, past what looks at each file."""
    held = gateway.grant("hub", *scopes(own=PULL | ADMIN, new=ADMIN))
    gateway.change(held, refused_files=("pickle",))
    client = api(gateway, held)
    with pytest.raises(GatedRepoError, match="A copy takes all files along"):
        client.duplicate_repo(REPO, to_id="Org/New")
    gateway.wait_record("proxy.request.refused", grant=held.view.grant_id, reason="file-type-refused")
    client.update_repo_settings(REPO, private=True)
    assert set(hub.repositories) == {NAME, OTHER}


def test_without_an_owner_nothing_is_made(gateway: Gateway, hub: Hub) -> None:
    client = api(gateway, gateway.grant("hub", *scopes(own=ADMIN, new=ADMIN)))
    for act in (lambda: client.create_repo("New"), lambda: client.delete_repo("Tiny-Llama")):
        with pytest.raises(HfHubHTTPError, match="Name the owner too"):
            act()
    assert not hub.seen


def test_a_space_takes_no_secrets_by_this_way(gateway: Gateway, hub: Hub) -> None:
    client = api(gateway, gateway.grant("hub", ResourceScope("spaces/Org/Demo", ADMIN)))
    assert client.create_repo("Org/Demo", repo_type="space", space_sdk="gradio")
    with pytest.raises(HfHubHTTPError, match="does not take this setting here: secrets"):
        client.create_repo(
            "Org/Demo", repo_type="space", space_sdk="gradio", space_secrets=[{"key": "a", "value": "b"}]
        )  # fmt: skip


DELETE = {"name": "Tiny-Llama", "organization": "Org"}
BAD: list[tuple[str, str, bytes]] = [
    ("DELETE", "/api/repos/delete", b'{"name":"Other","organization":"Org","name":"Tiny-Llama"}'),
    ("DELETE", "/api/repos/delete", b"[]"), ("DELETE", "/api/repos/delete", b""), ("DELETE", "/api/repos/delete", b"x"),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE | {"type": "bucket"}).encode()),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE | {"name": "../Other"}).encode()),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE | {"name": "Tiny-Llama/x"}).encode()),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE | {"organization": "Org/x"}).encode()),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE | {"name": ["Tiny-Llama"]}).encode()),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE | {"force": True}).encode()),
    ("DELETE", "/api/repos/delete", json.dumps(DELETE).encode() + b" " * 20_000),
    ("POST", "/api/repos/move", b'{"fromRepo":"Org/Tiny-Llama","toRepo":"New","type":"model"}'),
    ("POST", "/api/repos/move", b'{"fromRepo":"Org/Tiny-Llama","toRepo":"Org/New/x","type":"model"}'),
    ("POST", "/api/repos/move", b'{"fromRepo":"Org/Tiny-Llama","toRepo":"Org/New"}'),
    ("PUT", f"/api/{NAME}/settings", b"{}"), ("PUT", f"/api/{NAME}/settings", b'{"visibility":"everybody"}'),
    ("PUT", f"/api/{NAME}/settings", b'{"gated":0}'), ("PUT", f"/api/{NAME}/settings", b'{"private":1}'),
    ("PUT", f"/api/{NAME}/settings", b'{"resourceGroupId":"x"}'),
    ("POST", f"/api/{NAME}/duplicate", b'{"repository":"New"}'),
    ("POST", f"/api/{NAME}/duplicate", b'{"repository":"Org/New","secrets":[]}'),
    # Twins of the routes, and what nobody does through the gateway.
    ("POST", "/api/repos/delete", json.dumps(DELETE).encode()), ("POST", f"/api/{NAME}/settings", b'{"private":true}'),
    ("DELETE", "/api/repos/create", json.dumps(DELETE).encode()), ("PUT", "/api/repos/move", b"{}"),
    ("DELETE", f"/api/{NAME}", b""), ("DELETE", f"/api/{NAME}/branch/main", b""),
    ("POST", "/api/repos/transfer", b"{}"),
    ("POST", "/api/repos/delete/x", b"{}"), ("DELETE", "/api/repos/delete?name=Other", json.dumps(DELETE).encode()),
    ("GET", f"/api/{NAME}/settings", b""), ("POST", f"/api/{NAME}/resource-group", b"{}"),
    ("PUT", f"/api/{NAME}/settings/private", b'{"private":true}'), ("DELETE", f"/{REPO}/api/repos/delete", b"{}"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), BAD)
def test_what_could_mean_something_else_never_reaches_the_hub(
    gateway: Gateway, hub: Hub, method: str, path: str, body: bytes
) -> None:
    held = gateway.grant("hub", *scopes(own=frozenset(Operation), other=ADMIN, new=ADMIN))
    status, _, fields = raw_answer(gateway, held, path, method, body or None)
    assert (status in (400, 403, 404, 405, 413), not hub.seen) == (True, True), status
    assert fields["x-error-message"]


def test_the_hub_gets_the_bytes_that_were_judged(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", *scopes(own=ADMIN))
    body = b'{ "organization" : "Org",  "name":"Tiny\\u002dLlama" }'
    assert raw_answer(gateway, held, "/api/repos/delete", "DELETE", body)[0] == 200
    assert NAME not in hub.repositories
    assert hub.seen[-1].headers["content-type"] == "application/json"
    assert hub.seen[-1].headers["content-length"] == str(len(body))


# -- the command line


def hf(gateway: Gateway, held: Held, folder: Path, *words: str, fails: bool = False) -> str:
    env = {"HF_HOME": str(folder / "home"), "HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "500",
           "HF_ENDPOINT": endpoint(gateway), "HF_TOKEN": held.token}  # fmt: skip
    done = subprocess.run(
        [Path(sys.executable).with_name("hf"), *words],
        env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert bool(done.returncode) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_command_line_administers_and_says_why_not(gateway: Gateway, hub: Hub, tmp_path: Path) -> None:
    held = gateway.grant("hub", *scopes(own=ADMIN | PULL, new=ADMIN))
    hf(gateway, held, tmp_path, "repos", "create", "Org/New", "--private")
    assert hub.repositories[NEW].settings == {"visibility": "private"}
    hf(gateway, held, tmp_path, "repos", "delete", "Org/New", "--yes")
    hf(gateway, held, tmp_path, "repos", "move", REPO, "Org/New")
    assert set(hub.repositories) == {OTHER, NEW}
    told = hf(gateway, held, tmp_path, "repos", "delete", "Org/Other", "--yes", fails=True)
    assert (
        f"Your grant does not cover this repository. Request access at {PUBLIC_URL}/request?resource=hub/{OTHER}"
        in told
    )
    assert OTHER in hub.repositories


def test_a_refusal_that_is_no_refusal_of_the_gate_is_told_too(gateway: Gateway) -> None:
    client = api(gateway, gateway.grant("hub", *scopes(own=ADMIN)))
    with pytest.raises((BadRequestError, HfHubHTTPError), match="branches, tags and discussions"):
        client.create_branch(REPO, branch="new")
