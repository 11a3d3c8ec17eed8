"""A budget of requests through the whole data plane: counted once each, shared by all that runs, told in words."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from huggingface_hub import CommitOperationAdd, hf_hub_download
from huggingface_hub.errors import GatedRepoError

from jit_access.domain.reasons import Reason, explain
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import ALL, PULL, Gateway, Held, running_gateway
from tests.support.hub import Hub, HubRepository, running_hub
from tests.support.hub.gateways import api, endpoint, hub_gateway, raw_answer
from tests.support.mlflow import running_server
from tests.support.store import KEY_ID, SECRET, client_of, running_store

pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")
NAME, REPO = "models/Org/Tiny-Llama", "Org/Tiny-Llama"
DATA = bytes(range(256)) * 400
FILE = f"/{REPO}/resolve/main/model.safetensors"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        repo = running.repositories[NAME] = HubRepository()
        repo.branches["main"] = repo.commit({"model.safetensors": DATA, "config.json": b"{}"})
        yield running


@pytest.fixture
def gateway(tmp_path: Path, hub: Hub) -> Iterator[Gateway]:
    with hub_gateway(tmp_path / "gw", hub, {}) as running:
        yield running


def limited(gateway: Gateway, resource: ResourceScope, budget: int) -> Held:
    held = gateway.grant("hub", resource)
    gateway.change(held, request_budget=budget)
    return held


def test_parallel_ranges_share_one_budget(tmp_path: Path) -> None:
    (tmp_path / "moto").mkdir()
    place = {"Bucket": "models", "Key": "llama-3/model.safetensors"}
    with running_store(tmp_path / "moto") as store, running_gateway(tmp_path / "gw") as gateway:
        store.client().create_bucket(Bucket="models")
        store.client().put_object(**place, Body=DATA)
        gateway.add_target("store", store.url, KEY_ID, SECRET, kind="s3")
        held = gateway.grant("store", ResourceScope("models/llama-3", PULL))
        gateway.change(held, request_budget=12)
        s3 = client_of(gateway, held)

        told: list[str] = []

        def read(number: int) -> bool:
            begin = number * 100
            try:
                got = s3.get_object(**place, Range=f"bytes={begin}-{begin + 99}")["Body"].read()
            except ClientError as exc:
                told.append(str(exc))
                return False
            assert got == DATA[begin : begin + 100]
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(read, range(40))) == 12
        assert all(explain(Reason.REQUEST_BUDGET_SPENT) in words for words in told)
        gateway.wait_record("proxy.request.refused", grant=held.view.grant_id, reason="request-budget-spent")
        gateway.change(held, request_budget=13)
        assert [read(0), read(0)] == [True, False]


def test_refused_requests_count_for_nothing(gateway: Gateway) -> None:
    held = limited(gateway, ResourceScope(NAME, PULL), 2)
    for _ in range(5):
        assert raw_answer(gateway, held, "/Org/Other/resolve/main/a")[0] == 403
        assert raw_answer(gateway, held, "/api/models/Org/Tiny-Llama/settings")[0] >= 400
    assert [raw_answer(gateway, held, FILE)[0] for _ in range(3)] == [200, 200, 403]


def test_request_that_asks_the_gate_twice_counts_once(gateway: Gateway, hub: Hub) -> None:
    """A commit is judged by its head, and again by its body."""
    held = limited(gateway, ResourceScope(NAME, ALL), 2)  # preupload and commit
    client = api(gateway, held)
    client.create_commit(REPO, [CommitOperationAdd("a.txt", b"a")], commit_message="one")
    repo = hub.repositories[NAME]
    assert repo.commits[repo.branches["main"]]["a.txt"] == b"a"
    assert raw_answer(gateway, held, FILE)[0] == 403


def test_request_whose_meaning_is_learned_first_counts_once(tmp_path: Path) -> None:
    """The gate says yes, the tracking server tells whose experiment it is, and the gate is asked about that."""
    (tmp_path / "mlflow").mkdir()
    with running_server(tmp_path / "mlflow") as server, running_gateway(tmp_path / "gw", pins={}) as gateway:
        gateway.add_target("tracking", server, kind="mlflow")
        held = gateway.grant("tracking", ResourceScope("experiments/0", PULL))
        gateway.change(held, request_budget=2)
        address = f"{gateway.url}/mlflow/tracking/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
        fields = {"Authorization": f"Bearer {held.token}"}
        assert [httpx.get(address, headers=fields).status_code for _ in range(3)] == [200, 200, 403]


def test_client_says_that_none_is_left(gateway: Gateway, tmp_path: Path) -> None:
    held = limited(gateway, ResourceScope(NAME, PULL), 2)  # HEAD and GET
    more = {"endpoint": endpoint(gateway), "token": held.token, "cache_dir": tmp_path}
    assert Path(hf_hub_download(REPO, "config.json", **more)).read_bytes() == b"{}"
    with pytest.raises(GatedRepoError) as caught:
        hf_hub_download(REPO, "model.safetensors", **more)
    assert explain(Reason.REQUEST_BUDGET_SPENT) in str(caught.value)
    assert "Request access at" in str(caught.value)
