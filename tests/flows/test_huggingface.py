"""The unmodified `huggingface_hub` client through the gateway: what it reads, and what it is told instead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import PUBLIC_URL, PULL, Gateway, Held, Pins
from tests.support.hub import Hub, HubRepository, running_hub
from tests.support.hub.gateways import api, endpoint, hub_gateway, raw_answer
from tests.support.processes import sizes_below, wait_for

NAME = "models/Org/Tiny-Llama"
REPO = "Org/Tiny-Llama"
WEIGHTS = os.urandom(300_000)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "sub dir/ünï #1+a.txt": b"odd name"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        repo = running.repositories[NAME] = HubRepository()
        first = repo.commit(FILES)
        repo.branches["main"], repo.tags["v1"] = first, first
        repo.branches["dev"] = repo.commit({"config.json": b"dev", "secret.bin": b"dev only"})
        repo.pulls["refs/pr/1"] = repo.commit({"config.json": b"pr"})
        other = running.repositories["models/Org/Other"] = HubRepository()
        other.branches["main"] = other.commit({"a": b"other"})
        yield running


@pytest.fixture
def pins() -> Pins:
    return {}


@pytest.fixture
def gateway(tmp_path: Path, hub: Hub, pins: Pins) -> Iterator[Gateway]:
    with hub_gateway(tmp_path / "gw", hub, pins) as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def download(gateway: Gateway, held: Held, file: str, cache: Path, **more: str) -> bytes:
    path = hf_hub_download(
        more.pop("repo", REPO), file, endpoint=endpoint(gateway), token=held.token, cache_dir=cache, **more
    )
    return Path(path).read_bytes()


@pytest.mark.parametrize("pattern", ["direct", "relative", "store"])
@pytest.mark.parametrize("file", list(FILES))
def test_a_file_arrives_whichever_way_the_hub_serves_it(
    gateway: Gateway, hub: Hub, cache: Path, pattern: str, file: str
) -> None:
    hub.pattern = pattern
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    assert download(gateway, held, file, cache) == FILES[file]
    done = gateway.wait_record("proxy.transfer.completed", repository=NAME, bytes_out=len(FILES[file]))
    assert (done["reference"], done["detail"]["file"]) == ("main", file)  # type: ignore[index]
    assert not any(held.token in str(item.headers) for item in hub.seen)
    assert not any("authorization" in item.headers for item in hub.seen_at("store"))
    assert not any("xet" in item.path for item in hub.seen)


@pytest.mark.parametrize("revision", ["main", "v1", "refs/pr/1", "commit"])
def test_a_snapshot_of_any_revision(gateway: Gateway, hub: Hub, cache: Path, revision: str) -> None:
    hub.page = 1
    repo = hub.repositories[NAME]
    revision = repo.branches["dev"] if revision == "commit" else revision
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    folder = snapshot_download(REPO, revision=revision, endpoint=endpoint(gateway), token=held.token, cache_dir=cache)
    got = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    assert got == repo.commits[repo.resolve(revision)]


def test_metadata(gateway: Gateway, hub: Hub) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    client, repo = api(gateway, held), hub.repositories[NAME]
    assert client.model_info(REPO).sha == repo.branches["main"]
    assert sorted(client.list_repo_files(REPO)) == sorted(FILES)
    refs = client.list_repo_refs(REPO, include_pull_requests=True)
    assert [item.name for item in refs.branches] == ["main", "dev"]
    assert [item.path for item in client.get_paths_info(REPO, ["config.json"])] == ["config.json"]
    assert client.whoami()["name"] == "Ada"
    client.auth_check(REPO)
    with pytest.raises(GatedRepoError):
        client.auth_check("Org/Other")


def test_another_repository_is_refused_in_words(gateway: Gateway, hub: Hub, cache: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    for name, file in (("Org/Other", "a"), ("org/tiny-llama", "config.json"), ("Org/Nowhere", "a")):
        with pytest.raises(GatedRepoError, match=rf"/request\?resource=hub/models/{name}&operation=pull"):
            download(gateway, held, file, cache, repo=name)
    assert not [item for item in hub.seen if NAME not in item.path and REPO not in item.path]
    gateway.wait_record("proxy.request.refused", repository="models/Org/Other", reason="out-of-scope")


def test_what_the_hub_does_not_have(gateway: Gateway, hub: Hub, cache: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL), ResourceScope("models/Org/Gone", PULL))
    with pytest.raises(EntryNotFoundError):
        download(gateway, held, "nothing", cache)
    with pytest.raises(RevisionNotFoundError):
        download(gateway, held, "config.json", cache, revision="nothing")
    with pytest.raises(RepositoryNotFoundError):
        download(gateway, held, "a", cache, repo="Org/Gone")
    hub.repositories[NAME].gated = True
    with pytest.raises(GatedRepoError, match="Tell the operators") as caught:
        download(gateway, held, "model.safetensors", cache)
    assert hub.base_url not in str(caught.value)


def test_a_grant_for_a_branch_covers_the_commit_it_meant(gateway: Gateway, hub: Hub, cache: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    folder = snapshot_download(REPO, endpoint=endpoint(gateway), token=held.token, cache_dir=cache)
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    assert [item.name for item in api(gateway, held).list_repo_refs(REPO).branches] == ["main"]


@pytest.mark.parametrize("revision", ["dev", "v1", "refs/pr/1", "commit"])
def test_another_revision_is_refused(gateway: Gateway, hub: Hub, cache: Path, revision: str) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    asked = hub.repositories[NAME].branches["dev"] if revision == "commit" else revision
    assert download(gateway, held, "config.json", cache) == b"{}"
    with pytest.raises(GatedRepoError, match="does not cover this revision"):
        download(gateway, held, "config.json", cache, revision=asked)
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="reference-not-granted")


def told_to(gateway: Gateway, held: Held) -> Held:
    """The same grant at another process."""
    gateway.tell(held.view)
    return held


def test_what_a_branch_meant_holds_in_every_process_and_after_a_restart(tmp_path: Path, hub: Hub, pins: Pins) -> None:
    repo = hub.repositories[NAME]
    with hub_gateway(tmp_path / "a", hub, pins) as one, hub_gateway(tmp_path / "b", hub, pins) as two:
        held = one.grant("hub", ResourceScope(NAME, PULL, ("main",)))
        assert download(one, held, "config.json", tmp_path / "1") == b"{}"
        first, moved = repo.branches["main"], repo.commit({"config.json": b"later"})
        repo.branches["main"] = moved
        assert download(two, told_to(two, held), "config.json", tmp_path / "2") == b"{}"
    with hub_gateway(tmp_path / "c", hub, pins) as fresh:
        told_to(fresh, held)
        assert download(fresh, held, "config.json", tmp_path / "3", revision=first) == b"{}"
        assert download(fresh, held, "config.json", tmp_path / "4") == b"{}"
        with pytest.raises(GatedRepoError):
            download(fresh, held, "config.json", tmp_path / "5", revision=moved)
        later = fresh.grant("hub", ResourceScope(NAME, PULL, ("main",)))
        assert download(fresh, later, "config.json", tmp_path / "6") == b"later"


def test_without_the_control_plane_a_branch_gets_no_meaning(gateway: Gateway, hub: Hub) -> None:
    path = f"/{REPO}/resolve/%s/config.json"
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main", "v1")))
    assert raw(gateway, held, path % "main") == (200, b"{}")
    gateway.collector.close()
    assert raw(gateway, held, path % "main") == (200, b"{}")
    hub.forget_seen()
    status, _, fields = raw_answer(gateway, held, path % "v1")
    assert (status, fields["retry-after"]) == (503, "1")
    assert not hub.seen


def test_a_grant_for_some_files_gives_no_others(gateway: Gateway, hub: Hub, cache: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL, files=("*.safetensors", "sub dir/")))
    folder = snapshot_download(REPO, endpoint=endpoint(gateway), token=held.token, cache_dir=cache)
    got = {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}
    assert got == {"model.safetensors", "sub dir/ünï #1+a.txt"}
    client = api(gateway, held)
    assert sorted(client.list_repo_files(REPO)) == sorted(got)
    info = client.model_info(REPO)
    assert (sorted(item.rfilename for item in info.siblings or ()), info.card_data) == (sorted(got), None)
    assert client.get_paths_info(REPO, ["config.json"]) == []
    with pytest.raises(GatedRepoError, match="does not cover this file"):
        download(gateway, held, "config.json", cache)
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="file-not-granted")


def test_a_hub_that_reads_a_commit_otherwise_is_not_believed(gateway: Gateway, hub: Hub) -> None:
    repo = hub.repositories[NAME]
    commit, path = repo.branches["main"], f"/{REPO}/resolve/%s/config.json"
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    assert raw(gateway, held, path % commit) == (200, b"{}")
    repo.branches[commit] = repo.branches["dev"]  # git lets a branch be named like a commit
    repo.resolve = lambda revision: repo.branches.get(revision, "")  # type: ignore[method-assign]
    assert raw(gateway, held, path % commit)[0] == 502
    assert raw(gateway, held, f"/api/{NAME}/revision/{commit}")[0] == 502


def test_the_command_line(gateway: Gateway, hub: Hub, tmp_path: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    assert "user=Ada" in hf(gateway, held, tmp_path, "auth", "whoami").replace(" ", "").replace(":", "=")
    hf(gateway, held, tmp_path, "download", REPO, "--local-dir", str(tmp_path / "model"))
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == WEIGHTS
    refused = hf(gateway, held, tmp_path, "download", REPO, "--revision", "dev", fails=True)
    words = f"Your grant does not cover this revision. Request access at {PUBLIC_URL}/request?resource=hub/{NAME}"
    assert words in refused
    one = hf(gateway, held, tmp_path, "download", REPO, "config.json", "--revision", "dev", fails=True)
    assert words in one
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="reference-not-granted")


def hf(gateway: Gateway, held: Held, folder: Path, *words: str, fails: bool = False) -> str:
    home = {"HF_HOME": str(folder / "home"), "HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "500"}
    told = {"HF_ENDPOINT": endpoint(gateway), "HF_TOKEN": held.token}
    done = subprocess.run(
        [Path(sys.executable).with_name("hf"), *words],
        env=home | told,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert bool(done.returncode) is fails, done.stderr
    return done.stdout + done.stderr


def test_a_moved_branch_opens_nothing_new(gateway: Gateway, hub: Hub, tmp_path: Path) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    repo = hub.repositories[NAME]
    assert download(gateway, held, "config.json", tmp_path / "1") == b"{}"
    moved = repo.branches["main"] = repo.commit({"config.json": b"later"})
    assert download(gateway, held, "config.json", tmp_path / "2") == b"{}"
    with pytest.raises(GatedRepoError):
        download(gateway, held, "config.json", tmp_path / "3", revision=moved)
    free = gateway.grant("hub", ResourceScope(NAME, PULL))
    assert download(gateway, free, "config.json", tmp_path / "4") == b"later"


@pytest.mark.parametrize("where", ["https://huggingface.co/x", "http://127.0.0.1:9/x", "/Org/Other/resolve/main/a"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_elsewhere_is_not_followed_nor_handed_out(
    gateway: Gateway, hub: Hub, where: str, method: str
) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    assert raw(gateway, held, f"/{REPO}/resolve/main/config.json", method)[0] == 200
    hub.elsewhere = where
    status, _, fields = raw_answer(gateway, held, f"/{REPO}/resolve/main/config.json", method)
    assert (status, fields["x-error-message"]) == (502, explain(Reason.UPSTREAM_REDIRECT_REFUSED) + " Target: hub.")
    assert where not in str(fields)
    assert not any("/Org/Other/" in item.path for item in hub.seen)
    gateway.wait_record("proxy.request.refused", repository=NAME, reason="upstream-redirect-refused")


CONTENT = frozenset({Operation.PULL, Operation.PUSH, Operation.DELETE})
ADMIN: dict[str, Callable[[HfApi], object]] = {
    "create": lambda c: c.create_repo("Org/New"),
    "delete": lambda c: c.delete_repo(REPO),
    "move": lambda c: c.move_repo(REPO, "Org/Else"),
    "branch": lambda c: c.create_branch(REPO, branch="new"),
    "delete branch": lambda c: c.delete_branch(REPO, branch="dev"),
    "tag": lambda c: c.create_tag(REPO, tag="v2"),
    "settings": lambda c: c.update_repo_settings(REPO, private=False),
    "squash": lambda c: c.super_squash_history(REPO),
    "discussion": lambda c: c.create_discussion(REPO, title="x"),
    "duplicate": lambda c: c.duplicate_repo("Org/Other", to_id=REPO),
    "list": lambda c: list(c.list_models()),
}


@pytest.mark.parametrize("what", list(ADMIN))
def test_what_makes_or_sets_up_repositories_never_reaches_the_hub(gateway: Gateway, hub: Hub, what: str) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, CONTENT))
    with pytest.raises(HfHubHTTPError) as caught:
        ADMIN[what](api(gateway, held))
    assert caught.value.response.status_code == {"list": 404}.get(what, 403)
    assert not hub.seen


def test_a_revoked_grant_ends_a_running_download(gateway: Gateway, hub: Hub, cache: Path) -> None:
    big = os.urandom(64 * 1024 * 1024)
    repo = hub.repositories[NAME]
    repo.branches["main"] = repo.commit({"big.bin": big})
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            download(gateway, held, "big.bin", cache)
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            errors.append(exc)

    runner = threading.Thread(target=run)
    runner.start()
    wait_for(lambda: any(sizes_below(cache, "*.incomplete")), "a running download")
    gateway.revoke(held)
    runner.join(60)
    assert errors
    assert not any(item.stat().st_size == len(big) for item in cache.rglob("*") if item.is_file())
    with pytest.raises(GatedRepoError, match="This session was revoked"):
        download(gateway, held, "big.bin", cache)
    cut = gateway.wait_record("proxy.transfer.cut", repository=NAME)
    assert 0 < int(str(cut["bytes_out"])) < len(big)


def raw(gateway: Gateway, held: Held, path: str, method: str = "GET") -> tuple[int, bytes]:
    return raw_answer(gateway, held, path, method)[:2]


def test_a_revoked_grant_ends_every_file_of_a_snapshot(gateway: Gateway, hub: Hub, cache: Path) -> None:
    """Eight files run at once. This client does not ask again after a reset; whoever does is told why."""
    size, repo = 24 * 1024 * 1024, hub.repositories[NAME]
    repo.branches["main"] = repo.commit({f"part-{number}": os.urandom(size) for number in range(8)})
    held = gateway.grant("hub", ResourceScope(NAME, PULL, ("main",)))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            snapshot_download(REPO, endpoint=endpoint(gateway), token=held.token, cache_dir=cache)
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            errors.append(exc)

    runner = threading.Thread(target=run)
    runner.start()
    running = "several running downloads"
    wait_for(lambda: sum(map(bool, sizes_below(cache, "*.incomplete"))) > 1, running)
    gateway.revoke(held)
    runner.join(60)
    assert errors
    assert len([item for item in cache.rglob("*") if item.is_file() and item.stat().st_size == size]) < 8
    assert gateway.wait_record("proxy.transfer.cut", repository=NAME)["reason"] == "grant-revoked"
    with pytest.raises(GatedRepoError, match="This session was revoked"):
        download(gateway, held, "part-1", cache / "again")


@pytest.mark.parametrize("tail", ["", "/revision/main", "/tree/main?recursive=true"])
def test_listings_hold_no_hint_of_a_way_past_us(gateway: Gateway, hub: Hub, tail: str) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    status, body = raw(gateway, held, f"/api/{NAME}{tail}")
    assert status == 200
    assert b"config.json" in body
    assert b"xetHash" not in body


@pytest.mark.parametrize("path", [
    f"/api/{NAME}/xet-read-token/main", f"/api/{NAME}/xet-write-token/main", f"/api/{NAME}/settings",
    "/api/agent-harnesses", "/api/buckets/Org/Tiny-Llama", f"/{REPO}.git/info/refs", f"/{REPO}/raw/main/config.json",
    "/api/models",
    f"/{REPO}/resolve/main/a%2Fb", f"/{REPO}/resolve/main/%2e%2e/x", f"/{REPO}/resolve/main/%252e",
    f"/{REPO}/resolve/main/a%5Cb",
    f"/{REPO}/resolve/main/%63onfig.json", f"/{REPO}/resolve/main/c%2f", f"/{REPO}/resolve/a%2F..%2Fmain/config.json",
    f"/{REPO}/resolve/main/%FF", "/Org%2FTiny-Llama/resolve/main/config.json", f"//{REPO}/resolve/main/config.json",
    "/resolve/resolve/resolve/main", f"/{REPO}/resolve/tree/x", f"/api/{NAME}/tree/main?evil=1",
])  # fmt: skip
def test_other_addresses_and_spellings_never_reach_the_hub(gateway: Gateway, hub: Hub, path: str) -> None:
    held = gateway.grant("hub", ResourceScope(NAME, PULL))
    assert raw(gateway, held, f"/{REPO}/resolve/main/config.json") == (200, b"{}")
    hub.seen.clear()
    status, _ = raw(gateway, held, path)
    assert status in (400, 404, 405)
    assert not hub.seen
