"""Kinds of files that a rule refuses, with the real clients of hubs, stores and tracking servers, and their twins."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from jit_access.domain.file_rules import globs_of
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import ALL, PULL, PUSH, Gateway, Held, running_gateway
from tests.support.hub import Hub, HubRepository, running_hub
from tests.support.hub.gateways import api, endpoint, hub_gateway, raw_answer
from tests.support.mlflow import Client, Refused, Tracking, running_client, running_server
from tests.support.store import KEY_ID, SECRET, Store, client_of, running_store

pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")
NAME, REPO = "models/Org/Both", "Org/Both"
FILES = {"config.json": b"{}", "model.safetensors": b"safe" * 100, "pytorch_model.bin": b"pickle" * 100,
         "old/Weights.PKL.gz": b"squeezed"}  # fmt: skip
PICKLES, SAFE = ("pytorch_model.bin", "old/Weights.PKL.gz"), ("config.json", "model.safetensors")
RULE = ("pickle",)
SENTENCE = explain(Reason.FILE_TYPE_REFUSED)
BUCKET, PREFIX = "models", "both"


@pytest.fixture(autouse=True)
def without_xet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_DISABLE_XET=1."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        repo = running.repositories[NAME] = HubRepository()
        repo.branches["main"] = repo.commit(FILES)
        yield running


@pytest.fixture
def gateway(tmp_path: Path, hub: Hub) -> Iterator[Gateway]:
    with hub_gateway(tmp_path / "gw", hub, {}) as running:
        yield running


def limited(gateway: Gateway, resource: ResourceScope, target: str = "hub") -> Held:
    held = gateway.grant(target, resource)
    gateway.change(held, refused_files=RULE)
    return held


def unlimited(gateway: Gateway, held: Held) -> Held:
    """The twin: the same grant without the rule."""
    gateway.change(held, refused_files=())
    return held


# -- a hub


def test_a_refused_file_is_not_downloaded_and_the_hub_is_not_asked(
    gateway: Gateway, hub: Hub, tmp_path: Path
) -> None:  # fmt: skip
    held = limited(gateway, ResourceScope(NAME, PULL))

    def download(file: str) -> bytes:
        path = hf_hub_download(REPO, file, endpoint=endpoint(gateway), token=held.token, cache_dir=tmp_path / "cache")
        return Path(path).read_bytes()

    for file in SAFE:
        assert download(file) == FILES[file]
    hub.forget_seen()
    for file in PICKLES:
        with pytest.raises(GatedRepoError) as caught:
            download(file)
        assert SENTENCE in str(caught.value)
        record = gateway.wait_record("proxy.request.refused", reason="file-type-refused")
        assert record["grant"] == held.view.grant_id
    with pytest.raises(GatedRepoError, match=r"--exclude '\*\.bin'"):
        download("pytorch_model.bin")
    assert not hub.seen
    unlimited(gateway, held)
    for file in PICKLES:
        assert download(file) == FILES[file]


@pytest.mark.parametrize(
    "spelling",
    ["pytorch_model.bin", "PyTorch_Model.BIN", "pytorch_model%2Ebin", "a%20b.pt", "model.pt%20", "model.pt.",
     "model.%EF%BD%90%EF%BD%94", "deep/er/model.ckpt.zst"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_spelling_gets_past(gateway: Gateway, hub: Hub, method: str, spelling: str) -> None:
    held = limited(gateway, ResourceScope(NAME, PULL))
    status, _, fields = raw_answer(gateway, held, f"/{REPO}/resolve/main/{spelling}", method)
    assert status in (400, 403), fields  # one that the edge does not let through at all, or ours
    assert not hub.seen
    if status == 403:
        assert SENTENCE in fields["x-error-message"]
        unlimited(gateway, held)
        raw_answer(gateway, held, f"/{REPO}/resolve/main/{spelling}", method)
        assert hub.seen


def test_listings_show_everything(gateway: Gateway) -> None:
    held = limited(gateway, ResourceScope(NAME, PULL))
    client = api(gateway, held)
    assert sorted(client.list_repo_files(REPO)) == sorted(FILES)
    assert sorted(item.path for item in client.get_paths_info(REPO, list(FILES))) == sorted(FILES)


def test_a_snapshot_ends_at_a_refused_file_and_comes_without_it(gateway: Gateway, tmp_path: Path) -> None:
    held = limited(gateway, ResourceScope(NAME, PULL))
    more: dict[str, Any] = {"endpoint": endpoint(gateway), "token": held.token}
    with pytest.raises(GatedRepoError, match="safetensors"):
        snapshot_download(REPO, cache_dir=tmp_path / "all", **more)
    # Compressed copies are refused too, though no pattern of the card names them: `*.pkl` is not `*.PKL.gz`.
    without = [*globs_of(RULE), "old/*"]
    folder = snapshot_download(REPO, cache_dir=tmp_path / "some", ignore_patterns=without, **more)
    assert sorted(path.name for path in Path(folder).rglob("*") if path.is_file()) == sorted(SAFE)


def test_hf_itself_is_refused_and_leaves_out_what_it_is_told(gateway: Gateway, tmp_path: Path) -> None:
    held = limited(gateway, ResourceScope(NAME, PULL))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HF_ENDPOINT": endpoint(gateway), "HF_TOKEN": held.token}
    excluded = [word for glob in (*globs_of(RULE), "old/*") for word in ("--exclude", glob)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        hf = str(Path(sys.executable).parent / "hf")
        words = [hf, "download", REPO, *more, "--local-dir", str(tmp_path / "copy")]
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)

    refused = run()
    assert (refused.returncode != 0, SENTENCE in refused.stderr) == (True, True), refused.stderr
    done = run(*excluded)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy" / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert not (tmp_path / "copy" / "pytorch_model.bin").exists()


def test_a_refused_file_is_not_committed(gateway: Gateway, hub: Hub) -> None:
    held = limited(gateway, ResourceScope(NAME, ALL))
    client, repo = api(gateway, held), hub.repositories[NAME]
    before = repo.branches["main"]
    large = b"x" * 300_000
    for path, data in (("new.pt", b"small"), ("new.pkl", large), ("deep/New.CKPT", b"small")):
        with pytest.raises(HfHubHTTPError, match="safetensors"):
            client.create_commit(
                REPO,
                [CommitOperationAdd("ok.safetensors", b"ok"), CommitOperationAdd(path, data)],
                commit_message="both",
            )
    assert repo.branches["main"] == before
    assert not hub.seen_at("store")
    client.create_commit(REPO, [CommitOperationAdd("ok.safetensors", large)], commit_message="one")
    client.create_commit(REPO, [CommitOperationDelete("pytorch_model.bin")], commit_message="away with it")
    assert repo.commits[repo.branches["main"]].keys() == FILES.keys() - {"pytorch_model.bin"} | {"ok.safetensors"}
    unlimited(gateway, held)
    client.create_commit(REPO, [CommitOperationAdd("new.pt", b"small")], commit_message="now it may")
    assert repo.commits[repo.branches["main"]]["new.pt"] == b"small"


def test_bytes_of_a_refused_name_get_no_other_name(gateway: Gateway, hub: Hub) -> None:
    """The hub has them already: a commit of their digest would be a rename."""
    held, repo, oid = limited(gateway, ResourceScope(NAME, ALL)), hub.repositories[NAME], "a" * 64
    repo.large[oid] = FILES["pytorch_model.bin"]
    line = b'{"key":"lfsFile","value":{"path":"y.safetensors","algo":"sha256","oid":"%s"}}' % oid.encode()
    body, path = b'{"key":"header","value":{"summary":"s"}}\n' + line, f"/api/{NAME}/commit/main"
    status, answer, fields = raw_answer(gateway, held, path, "POST", body)
    assert (status, b"file-type-refused" in answer, fields["x-error-code"]) == (403, True, "GatedRepo")
    gateway.wait_record("proxy.request.refused", reason="file-type-refused")
    assert not hub.seen
    large = [CommitOperationAdd("ok.safetensors", b"x" * 300_000)]
    api(gateway, held).create_commit(REPO, large, commit_message="what it brought itself")
    assert raw_answer(gateway, unlimited(gateway, held), path, "POST", body)[0] == 200


def test_a_commit_by_no_client_is_read_as_well(gateway: Gateway, hub: Hub) -> None:
    held = limited(gateway, ResourceScope(NAME, ALL))
    header = b'{"key":"header","value":{"summary":"s"}}\n'
    oid = "a" * 64
    for line in (
        b'{"key":"file","value":{"path":"a/x.BIN","content":"eA==","encoding":"base64"}}',
        b'{"key":"lfsFile","value":{"path":"x.joblib","algo":"sha256","oid":"%s"}}' % oid.encode(),
    ):
        status, body, _ = raw_answer(gateway, held, f"/api/{NAME}/commit/main", "POST", header + line)
        assert (status, b"file-type-refused" in body) == (403, True), body
    assert not hub.seen


# -- a store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("moto")) as running:
        direct = running.client()
        direct.create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Iterator[Gateway]:
    for path in keys(store):  # the store outlives a test: what an earlier one wrote goes first
        store.client().delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{path}")
    for path, data in FILES.items():
        store.client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/{path}", Body=data)
    with running_gateway(tmp_path / "s3-gw") as running:
        running.add_target("store", store.url, KEY_ID, SECRET, kind="s3")
        yield running


def keys(store: Store) -> set[str]:
    found = store.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/").get("Contents", [])
    return {item["Key"].removeprefix(f"{PREFIX}/") for item in found}


def test_refused_keys_are_neither_read_nor_written(shop: Gateway, store: Store) -> None:
    held = limited(shop, ResourceScope(f"{BUCKET}/{PREFIX}", ALL), "store")
    s3, place = client_of(shop, held), {"Bucket": BUCKET, "Key": f"{PREFIX}/pytorch_model.bin"}
    good = {"Bucket": BUCKET, "Key": f"{PREFIX}/model.safetensors"}
    ways: dict[str, Any] = {
        "get": lambda at: s3.get_object(**at)["Body"].read(),
        "range": lambda at: s3.get_object(**at, Range="bytes=0-3")["Body"].read(),
        "put": lambda at: s3.put_object(**at, Body=b"new"),
        "parts": lambda at: s3.abort_multipart_upload(**at, UploadId=s3.create_multipart_upload(**at)["UploadId"]),
        "copy from": lambda at: s3.copy_object(Bucket=BUCKET, Key=f"{PREFIX}/copy.safetensors", CopySource=at),
        "copy to": lambda at: s3.copy_object(**at, CopySource={"Bucket": BUCKET, "Key": f"{PREFIX}/config.json"}),
    }
    for way in ways.values():
        with pytest.raises(ClientError, match="safetensors"):
            way(place)
    with pytest.raises(ClientError):  # a HEAD has no words
        s3.head_object(**place)
    assert keys(store) == set(FILES)
    assert store.client().get_object(**place)["Body"].read() == FILES["pytorch_model.bin"]
    shop.wait_record("proxy.request.refused", grant=held.view.grant_id, reason="file-type-refused")
    for way in (*ways.values(), lambda at: s3.head_object(**at)):
        way(good)
    unlimited(shop, held)
    for way in (*ways.values(), lambda at: s3.head_object(**at)):
        way(place)


def test_refused_keys_are_listed_and_may_be_deleted(shop: Gateway, store: Store) -> None:
    held = limited(shop, ResourceScope(f"{BUCKET}/{PREFIX}", ALL), "store")
    s3 = client_of(shop, held)
    for prefix in (f"{PREFIX}/", f"{PREFIX}/pytorch_model.bin"):
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
        assert f"{PREFIX}/pytorch_model.bin" in {item["Key"] for item in listed}
    s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/pytorch_model.bin")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"{PREFIX}/old/Weights.PKL.gz"}]})
    assert keys(store) == set(SAFE)


@pytest.mark.parametrize("name", ["PyTorch.BIN", "model.pt.", "model.pkl.gz", "model.bin.007", "ünï model.ckpt"])
def test_no_spelling_of_a_key_gets_past(shop: Gateway, store: Store, name: str) -> None:
    held = limited(shop, ResourceScope(f"{BUCKET}/{PREFIX}", PUSH), "store")
    s3, key = client_of(shop, held), f"{PREFIX}/spelled/{name}"
    with pytest.raises(ClientError, match="safetensors"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    unlimited(shop, held)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    store.client().delete_object(Bucket=BUCKET, Key=key)


def test_an_address_signed_before_is_refused_too(shop: Gateway) -> None:
    """The rule may come while a grant is open."""
    held = shop.grant("store", ResourceScope(f"{BUCKET}/{PREFIX}", PULL))
    s3 = client_of(shop, held)
    signed = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": f"{PREFIX}/pytorch_model.bin"})
    assert httpx.get(signed).content == FILES["pytorch_model.bin"]
    shop.change(held, refused_files=RULE)
    assert SENTENCE in httpx.get(signed).text


# -- a tracking server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_client(tmp_path_factory.mktemp("client")) as running:
        yield running


@pytest.fixture
def tracked(tmp_path: Path, server: str) -> Iterator[Gateway]:
    with running_gateway(tmp_path / "mlflow-gw", pins={}) as running:
        running.add_target("tracking", server, kind="mlflow")
        yield running


def test_models_of_a_refused_kind_are_neither_loaded_nor_logged(
    tracked: Gateway, client: Client, server: str
) -> None:  # fmt: skip
    owner = Tracking(server)
    for name, file in (("pickled", "python_model.pkl"), ("safe", "model.safetensors")):
        owner.register(name, owner.logged({"MLmodel": b"artifact_path: m\n", file: b"weights"}))
    scopes = [ResourceScope(f"models/{name}", PULL) for name in ("pickled", "safe")]
    held = tracked.grant("tracking", *scopes, ResourceScope("experiments/0", PUSH))
    tracked.change(held, refused_files=RULE)

    def run(code: str) -> object:
        return client.run(f"{tracked.url}/mlflow/tracking", held.token, code)

    def download(name: str) -> object:
        return run(f"result = sorted(os.listdir(mlflow.artifacts.download_artifacts('models:/{name}/1')))")

    assert "model.safetensors" in str(download("safe"))
    with pytest.raises(Refused, match="safetensors"):
        download("pickled")
    record = tracked.wait_record("proxy.request.refused", reason="file-type-refused")
    assert (record["repository"], record["operation"]) == ("models/pickled", "pull")
    log = "info = log_model(); result = info.model_id"
    with pytest.raises(Refused, match="safetensors"):
        run(log)
    tracked.wait_record("proxy.request.refused", reason="file-type-refused", operation="push")
    unlimited(tracked, held)
    assert "python_model.pkl" in str(download("pickled"))
    assert str(run(log)).startswith("m-")
