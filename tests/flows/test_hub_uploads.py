"""The unmodified `huggingface_hub` client writes through the gateway: small files, large ones, and what it may not."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, constants
from huggingface_hub.errors import GatedRepoError

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import Gateway, Held, Pins
from tests.support.hub import Hub, HubRepository, running_hub
from tests.support.hub.gateways import api, endpoint, hub_gateway, raw_answer
from tests.support.processes import wait_for

# The client itself uses what its own HTTP library advises against.
pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")
NAME, REPO = "models/Org/Tiny-Llama", "Org/Tiny-Llama"
PUSH, DELETE = frozenset({Operation.PUSH}), frozenset({Operation.DELETE})
LARGE = os.urandom(250_000)


@pytest.fixture(autouse=True)
def without_xet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_DISABLE_XET=1: with xet, uploads of this client know no other way."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        for name in (NAME, "models/Org/Other"):
            repo = running.repositories[name] = HubRepository()
            repo.branches["main"] = repo.branches["dev"] = repo.commit({"config.json": b"{}", "old/a": b"1"})
        yield running


@pytest.fixture
def pins() -> Pins:
    return {}


@pytest.fixture
def gateway(tmp_path: Path, hub: Hub, pins: Pins) -> Iterator[Gateway]:
    with hub_gateway(tmp_path / "gw", hub, pins) as running:
        yield running


def files(hub: Hub, branch: str = "main", name: str = NAME) -> dict[str, bytes]:
    repo = hub.repositories[name]
    return repo.commits[repo.resolve(branch)]


@pytest.mark.parametrize("part_bytes", [0, 100_000])
def test_small_and_large_files_arrive_in_one_commit(gateway: Gateway, hub: Hub, part_bytes: int) -> None:
    hub.part_bytes = part_bytes
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    adds = [CommitOperationAdd("card.md", b"small"), CommitOperationAdd("sub dir/ü.bin", LARGE)]
    told = api(gateway, held).create_commit(REPO, adds, commit_message="two files")
    assert told.oid == hub.repositories[NAME].branches["main"]
    assert told.commit_url.startswith(f"{endpoint(gateway)}/{REPO}/commit/")
    assert files(hub) == {"config.json": b"{}", "old/a": b"1", "card.md": b"small", "sub dir/ü.bin": LARGE}
    assert not any(held.token in str(item.headers) + item.path for item in hub.seen)
    assert not any("authorization" in item.headers for item in hub.seen_at("store"))
    done = gateway.wait_record("proxy.transfer.completed", repository=NAME, bytes_in=part_bytes or len(LARGE))
    assert (done["operation"], done["detail"]["oid"]) == ("push", hashlib.sha256(LARGE).hexdigest())  # type: ignore[index]


def test_the_bytes_may_come_to_another_process(tmp_path: Path, hub: Hub, pins: Pins) -> None:
    with hub_gateway(tmp_path / "a", hub, pins) as one, hub_gateway(tmp_path / "b", hub, pins) as two:
        held = one.grant("hub", ResourceScope(NAME, PUSH))
        href = upload_address(one, held)
        assert put(two, href, LARGE)[0] == 401  # it does not know the grant yet
        two.tell(held.view)
        assert put(two, upload_address(one, held), LARGE)[0] == 200


def upload_address(gateway: Gateway, held: Held, data: bytes = LARGE) -> str:
    """The path of a fresh address, as a client would get it."""
    asked = {"operation": "upload", "objects": [{"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}]}
    path = f"/{REPO}.git/info/lfs/objects/batch"
    status, body, _ = raw_answer(gateway, held, path, "POST", json.dumps(asked).encode())
    assert status == 200, body
    href: str = json.loads(body)["objects"][0]["actions"]["upload"]["href"]
    assert held.token not in href
    return href.removeprefix(endpoint(gateway))


def put(gateway: Gateway, path: str, data: bytes, method: str = "PUT") -> tuple[int, bytes]:
    return raw_answer(gateway, None, path, method, data)[:2]


def test_an_upload_address_works_once(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    path = upload_address(gateway, held)
    assert put(gateway, path, LARGE)[0] == 200
    hub.forget_seen()
    status, body = put(gateway, path, b"x" * len(LARGE))
    assert (status, b"used already" in body) == (403, True)
    assert not hub.seen
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="operation-not-granted")


def test_an_upload_address_is_for_one_object_of_one_grant(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    path = upload_address(gateway, held)
    spoilt = path[:-1] + ("A" if path[-1] != "A" else "B")
    hub.forget_seen()
    assert put(gateway, path, LARGE[:-1])[0] == 400
    assert put(gateway, path, LARGE, "POST")[0] == 403
    assert put(gateway, spoilt[:60] + ("A" if path[60] != "A" else "B") + spoilt[61:], LARGE)[0] == 403
    assert put(gateway, "/lfs/" + "A" * 100, LARGE)[0] == 403
    assert not hub.seen
    gateway.revoke(held)
    assert put(gateway, path, LARGE)[0] == 403
    assert not hub.seen


def test_a_place_that_nobody_named_gets_nothing(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    hub.upload_elsewhere = "http://127.0.0.1:9/evil"
    assert put(gateway, upload_address(gateway, held), LARGE)[0] == 502
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="upstream-redirect-refused")


def test_adding_and_removing_are_two_operations(gateway: Gateway, hub: Hub) -> None:
    pusher = api(gateway, gateway.grant("hub", ResourceScope(NAME, PUSH)))
    remover = api(gateway, gateway.grant("hub", ResourceScope(NAME, DELETE)))
    before = files(hub)
    with pytest.raises(GatedRepoError, match="does not cover this operation"):
        pusher.delete_file("config.json", REPO)
    with pytest.raises(GatedRepoError, match="does not cover this operation"):
        remover.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO)
    both = [CommitOperationAdd("x", b"x"), CommitOperationDelete("config.json")]
    for client in (pusher, remover):
        with pytest.raises(GatedRepoError):
            client.create_commit(REPO, both, commit_message="both")
    assert files(hub) == before
    remover.delete_folder("old", REPO)
    pusher.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO)
    assert files(hub) == {"config.json": b"{}", "x": b"x"}


def test_branch_and_files_of_the_grant_bind_writes(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH | DELETE, ("dev",), files=("weights/", "*.md")))
    client = api(gateway, held)
    client.upload_file(path_or_fileobj=b"x", path_in_repo="weights/x", repo_id=REPO, revision="dev")
    client.upload_file(path_or_fileobj=LARGE, path_in_repo="weights/y", repo_id=REPO, revision="dev")
    assert set(files(hub, "dev")) == {"config.json", "old/a", "weights/x", "weights/y"}
    refused: list[Callable[[], object]] = [
        lambda: client.upload_file(path_or_fileobj=b"x", path_in_repo="weights/x", repo_id=REPO),
        lambda: client.upload_file(path_or_fileobj=b"x", path_in_repo="model.bin", repo_id=REPO, revision="dev"),
        lambda: client.delete_folder("old", REPO, revision="dev"),
        lambda: client.delete_file("config.json", REPO, revision="dev"),
    ]
    for attempt in refused:
        with pytest.raises(GatedRepoError):
            attempt()
    assert set(files(hub, "dev")) == {"config.json", "old/a", "weights/x", "weights/y"}
    assert files(hub) == {"config.json": b"{}", "old/a": b"1"}


def test_a_digest_from_elsewhere_opens_nothing(gateway: Gateway, hub: Hub) -> None:
    """The hub keeps large files by digest, for all branches together."""
    secret = os.urandom(1000)
    oid = hashlib.sha256(secret).hexdigest()
    hub.repositories[NAME].large[oid] = secret
    line = {"key": "lfsFile", "value": {"path": "x", "algo": "sha256", "oid": oid, "size": 1000}}
    path, body = f"/api/{NAME}/commit/dev", commit_lines(HEADER, line)
    both = PUSH | {Operation.PULL}
    narrow = gateway.grant("hub", ResourceScope(NAME, both, ("dev",)))
    status, _, fields = raw_answer(gateway, narrow, path, "POST", body)
    assert (status, fields["x-error-code"]) == (403, "GatedRepo")
    some_files = gateway.grant("hub", ResourceScope(NAME, both, files=("x",)))
    assert raw_answer(gateway, some_files, path, "POST", body)[0] == 403
    assert "x" not in files(hub, "dev")
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="file-not-granted")
    own = api(gateway, narrow).upload_file(path_or_fileobj=LARGE, path_in_repo="y", repo_id=REPO, revision="dev")
    assert files(hub, "dev")["y"] == LARGE
    assert own.oid == hub.repositories[NAME].branches["dev"]
    for free in (ResourceScope(NAME, both), ResourceScope(NAME, PUSH, ("dev",))):
        assert raw_answer(gateway, gateway.grant("hub", free), path, "POST", body)[0] == 200


def test_a_small_file_that_points_to_a_digest_from_elsewhere_opens_nothing(gateway: Gateway, hub: Hub) -> None:
    """Git takes it for the large file itself."""

    def commit(oid: str, held: Held) -> int:
        words = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 1000\n".encode()
        value = {"path": "x", "content": base64.b64encode(words).decode(), "encoding": "base64"}
        body = commit_lines(HEADER, {"key": "file", "value": value})
        return raw_answer(gateway, held, f"/api/{NAME}/commit/dev", "POST", body)[0]

    narrow = gateway.grant("hub", ResourceScope(NAME, PUSH | {Operation.PULL}, ("dev",)))
    assert commit(OID, narrow) == 403
    assert commit(OID, gateway.grant("hub", ResourceScope(NAME, PUSH, ("dev",)))) == 200
    assert put(gateway, upload_address(gateway, narrow), LARGE)[0] == 200
    assert commit(hashlib.sha256(LARGE).hexdigest(), narrow) == 200


@pytest.fixture
def part(gateway: Gateway) -> Held:
    """Of a part of the repository, with pull: it commits what it brought."""
    return gateway.grant("hub", ResourceScope(NAME, PUSH | {Operation.PULL}, ("dev",)))


def commit_large(gateway: Gateway, held: Held) -> int:
    """After somebody else brought it: the hub has it."""
    line = {"key": "lfsFile", "value": {"path": "x", "algo": "sha256", "oid": hashlib.sha256(LARGE).hexdigest()}}
    return raw_answer(gateway, held, f"/api/{NAME}/commit/dev", "POST", commit_lines(HEADER, line))[0]


@pytest.mark.parametrize(("sent", "status"), [(LARGE, 200), (LARGE[::-1], 403), (b"", 403)])
def test_what_the_store_did_not_take_was_not_brought(
    gateway: Gateway, hub: Hub, pins: Pins, part: Held, sent: bytes, status: int
) -> None:
    path = upload_address(gateway, part)
    if sent:
        answer = put(gateway, path, sent)
        assert (answer[0] == 200) == (status == 200), answer
    else:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as client:
            head = f"PUT /hf/hub{path} HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: {len(LARGE)}\r\n\r\n"
            client.sendall(head.encode())
            wait_for(lambda: any(name.startswith("once:") for held in pins.values() for name in held), "the upload")
        gateway.wait_record("proxy.transfer.cut", repository=NAME)
    hub.repositories[NAME].large[hashlib.sha256(LARGE).hexdigest()] = LARGE
    assert commit_large(gateway, part) == status


def test_parts_are_brought_when_the_hub_has_put_them_together(gateway: Gateway, hub: Hub, part: Held) -> None:
    hub.part_bytes = 100_000
    oid = hashlib.sha256(LARGE).hexdigest()
    asked = json.dumps({"operation": "upload", "objects": [{"oid": oid, "size": len(LARGE)}]}).encode()
    _, body, _ = raw_answer(gateway, part, f"/{REPO}.git/info/lfs/objects/batch", "POST", asked)
    upload = json.loads(body)["objects"][0]["actions"]["upload"]
    for number in "123":
        data = LARGE[(int(number) - 1) * 100_000 : int(number) * 100_000]
        assert put(gateway, upload["header"][number].removeprefix(endpoint(gateway)), data)[0] == 200
    hub.repositories[NAME].large[oid] = LARGE
    assert commit_large(gateway, part) == 403
    complete = upload["href"].removeprefix(endpoint(gateway))
    listed = [{"partNumber": number, "etag": "x"} for number in (1, 2, 3)]
    hub.forget_seen()
    for bad in (
        {"oid": OID, "parts": listed}, {"oid": oid, "parts": listed[:2]}, {"oid": oid, "parts": [*listed, listed[0]]},
        {"oid": oid, "parts": listed[::-1]}, {"oid": oid, "parts": [*listed, {"partNumber": 4, "etag": "x"}]},
        {"oid": oid, "parts": []}, {"oid": oid},
    ):  # fmt: skip
        assert put(gateway, complete, json.dumps(bad).encode(), "POST")[0] == 400
    assert put(gateway, complete, b"", "POST")[0] == 400
    assert not hub.seen
    assert put(gateway, complete, json.dumps({"oid": oid, "parts": listed}).encode(), "POST")[0] == 200
    assert commit_large(gateway, part) == 200


@pytest.mark.parametrize("operations", [frozenset({Operation.PULL}), PUSH])
def test_only_the_granted_repository_is_written(gateway: Gateway, hub: Hub, operations: frozenset[Operation]) -> None:
    client = api(gateway, gateway.grant("hub", ResourceScope(NAME, operations)))
    repo = REPO if operations != PUSH else "Org/Other"
    with pytest.raises(GatedRepoError):
        client.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    with pytest.raises(GatedRepoError):
        client.upload_file(path_or_fileobj=LARGE, path_in_repo="x", repo_id=repo)
    assert not any(item.method != "GET" for item in hub.seen)


def test_a_pull_request_leads_back_to_the_gateway(gateway: Gateway, hub: Hub) -> None:
    client = api(gateway, gateway.grant("hub", ResourceScope(NAME, PUSH)))
    told = client.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO, create_pr=True)
    assert "x" in files(hub, "refs/pr/1")
    assert "x" not in files(hub)
    assert told.pr_url == f"{endpoint(gateway)}/{REPO}/discussions/1"


def commit_lines(*lines: object) -> bytes:
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)


HEADER = {"key": "header", "value": {"summary": "s", "description": ""}}
ADD = {"key": "file", "value": {"path": "a", "content": "eA==", "encoding": "base64"}}
OID = "a" * 64


@pytest.mark.parametrize("body", [
    commit_lines(ADD), commit_lines(HEADER, HEADER), commit_lines(HEADER, {"key": "copyFile", "value": {"path": "a"}}),
    commit_lines(HEADER, {"key": "file", "value": {"path": "../a", "content": "", "encoding": "base64"}}),
    commit_lines(HEADER, {"key": "file", "value": {"path": "/a", "content": "", "encoding": "base64"}}),
    commit_lines(HEADER, {"key": "file", "value": {"path": "a", "content": "", "encoding": "utf-8"}}),
    commit_lines(HEADER, {"key": "file", "value": {"path": "a", "content": [], "encoding": "base64"}}),
    commit_lines(HEADER, {"key": "deletedFolder", "value": {"path": "/"}}),
    commit_lines(HEADER, {"key": "lfsFile", "value": {"path": "a", "algo": "md5", "oid": OID}}),
    commit_lines(HEADER, {"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "x"}}),
    commit_lines(HEADER, ADD | {"more": 1}), commit_lines(HEADER, b"\n", ADD), commit_lines(HEADER, [ADD]), b"", b"\n",
    commit_lines(HEADER, b'{"key":"file","value":{"path":"a","path":"b","content":"","encoding":"base64"}}\n'),
    commit_lines(HEADER, b'{"key":"file","key":"deletedFile","value":{"path":"a"}}\n'),
    commit_lines(HEADER, b'{"key":"file",\r"value":{"path":"a","content":"","encoding":"base64"}}\n'),
    commit_lines(HEADER, b"[" * 100_000),
    commit_lines(HEADER, b'{"key":"file","value":{"path":"a","content":"\xe2\x80\xa8","encoding":"base64"}}\n'),
])  # fmt: skip
def test_a_commit_that_could_mean_something_else_never_reaches_the_hub(gateway: Gateway, hub: Hub, body: bytes) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH | DELETE))
    path = f"/api/{NAME}/commit/main"
    assert raw_answer(gateway, held, path, "POST", commit_lines(HEADER, ADD))[0] == 200
    hub.forget_seen()
    assert raw_answer(gateway, held, path, "POST", body)[0] == 400
    assert not hub.seen


@pytest.mark.parametrize("change", [
    {"operation": "download"}, {"transfers": ["xet"]}, {"hash_algo": "md5"}, {"objects": [{"oid": "x", "size": 1}]},
    {"objects": [{"oid": OID, "size": -1}]}, {"ref": {"name": "a" * 40}}, {"ref": {"name": "../x"}}, {"more": 1},
])  # fmt: skip
def test_a_batch_that_asks_for_something_else_never_reaches_the_hub(
    gateway: Gateway, hub: Hub, change: dict[str, object]
) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    path = f"/{REPO}.git/info/lfs/objects/batch"
    asked: dict[str, object] = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": OID, "size": 1}]}
    assert raw_answer(gateway, held, path, "POST", json.dumps(asked).encode())[0] == 200
    hub.forget_seen()
    assert raw_answer(gateway, held, path, "POST", json.dumps(asked | change).encode())[0] == 400
    assert not hub.seen


@pytest.mark.parametrize("path", [
    f"/api/{NAME}/commit/{'a' * 40}", f"/api/{NAME}/preupload/{'a' * 40}", f"/api/{NAME}/commit/main?hot_reload=1",
    f"/{REPO}.git/git-receive-pack", f"/{REPO}.git/info/lfs/locks", f"/{REPO}/info/lfs/objects/batch",
    f"/api/{NAME}/commit/main/x",
])  # fmt: skip
def test_other_ways_to_write_are_not_served(gateway: Gateway, hub: Hub, path: str) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    status, _, _ = raw_answer(gateway, held, path, "POST", commit_lines(HEADER, ADD))
    assert status in (400, 404)
    assert not hub.seen


def test_a_revoked_grant_ends_a_running_upload(gateway: Gateway, hub: Hub, pins: Pins) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    big = os.urandom(4 * 1024 * 1024)
    path = upload_address(gateway, held, big)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as client:
        head = f"PUT /hf/hub{path} HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: {len(big)}\r\n\r\n"
        client.sendall(head.encode() + big[: len(big) // 2])
        wait_for(lambda: any(name.startswith("once:") for held in pins.values() for name in held), "the upload")
        gateway.revoke(held)
        gateway.wait_record("proxy.", repository=NAME, reason="grant-revoked")
    assert hashlib.sha256(big).hexdigest() not in hub.repositories[NAME].large


def test_the_command_line_uploads(gateway: Gateway, hub: Hub, tmp_path: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH | {Operation.PULL}))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(LARGE)
    env = {"HF_ENDPOINT": endpoint(gateway), "HF_TOKEN": held.token, "HF_HUB_DISABLE_XET": "1", "HOME": str(tmp_path)}
    command = [Path(sys.executable).with_name("hf"), "upload", REPO, str(tmp_path / "model"), "."]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert files(hub)["weights.bin"] == LARGE


def test_with_xet_the_client_is_told_what_to_set(gateway: Gateway, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PUSH))
    status, body, _ = raw_answer(gateway, held, f"/api/{NAME}/xet-write-token/main")
    assert (status, b"HF_HUB_DISABLE_XET=1" in body) == (404, True)
    assert not hub.seen
