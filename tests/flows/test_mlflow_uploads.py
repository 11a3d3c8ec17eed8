"""Files of logged models, uploaded through the gateway to a real tracking server by requests of no client."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import PUSH, Gateway, Held, running_gateway
from tests.support.mlflow import Tracking, running_server

EXPERIMENT = ResourceScope("experiments/0", PUSH)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@dataclass(frozen=True, slots=True)
class World:
    """`owner` goes past the gateway, `ask` through it."""

    gateway: Gateway
    owner: Tracking

    def grant(self, *resources: ResourceScope) -> Held:
        return self.gateway.grant("tracking", *resources)

    def ask(self, held: Held, path: str, method: str, body: object) -> tuple[int, bytes]:
        with contextlib.closing(http.client.HTTPConnection(self.gateway.host, timeout=60)) as connection:
            fields = {"Authorization": f"Bearer {held.token}"}
            connection.request(method, f"/mlflow/tracking/{path}", json.dumps(body).encode(), fields)
            answer = connection.getresponse()
            return answer.status, answer.read()


@pytest.fixture
def world(tmp_path: Path, server: str) -> Iterator[World]:
    with running_gateway(tmp_path / "gw", pins={}) as running:
        running.add_target("tracking", server, kind="mlflow")
        yield World(running, Tracking(server))


def held_open(world: World, held: Held, path: str, body: bytes, length: int) -> http.client.HTTPConnection:
    """A PUT of which so much was sent."""
    connection = http.client.HTTPConnection(world.gateway.host, timeout=60)
    connection.putrequest("PUT", f"/mlflow/tracking/{path}")
    connection.putheader("Authorization", f"Bearer {held.token}")
    connection.putheader("Content-Length", str(length))
    connection.endheaders(body)
    world.gateway.wait_record("proxy.request.allowed", grant=held.view.grant_id, repository="experiments/0")
    return connection


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("size", [4, 300_000])
def test_bytes_that_come_late_do_not_change_a_version(world: World, size: int, stack: contextlib.ExitStack) -> None:
    """A body that began while the model was pending may end long after it was registered."""
    held, name = world.grant(EXPERIMENT, ResourceScope(f"models/late-{size}", PUSH)), f"late-{size}"
    world.owner.change("registered-models/create", {"name": name})
    status, body = world.ask(held, "api/2.0/mlflow/logged-models", "POST", {"experiment_id": "0", "name": "m"})
    assert status == 200
    info = json.loads(body)["model"]["info"]
    path = f"api/2.0/mlflow-artifacts/artifacts/{info['artifact_uri'].removeprefix('mlflow-artifacts:/')}/w.bin"

    def late(word: bytes) -> http.client.HTTPConnection:
        connection = held_open(world, world.grant(EXPERIMENT), path, word * (size - 2), size)
        return stack.enter_context(contextlib.closing(connection))

    def there() -> bytes:
        return world.owner.raw(f"/{path}")

    def end(connection: http.client.HTTPConnection, word: bytes) -> tuple[int, bytes]:
        connection.send(word)
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert end(late(b"G"), b"GG")[0] == 200
    assert there() == b"G" * size
    second, third = late(b"E"), late(b"E")
    finish = {"model_id": info["model_id"], "status": "LOGGED_MODEL_READY"}
    register = {"name": name, "source": f"models:/{info['model_id']}", "model_id": info["model_id"]}
    create = "api/2.0/mlflow/model-versions/create"
    status, body = world.ask(held, create, "POST", register)
    assert (status, b"not ready" in body) == (403, True)
    assert world.ask(held, f"api/2.0/mlflow/logged-models/{info['model_id']}", "PATCH", finish)[0] == 200
    assert world.ask(held, create, "POST", register)[0] == 200
    status, body = end(second, b"EE")
    assert (status, b"ready" in body) == (403, True)
    world.gateway.wait_record("proxy.request.refused", reason="reference-not-granted", repository="experiments/0")
    third.close()
    world.gateway.wait_record("proxy.transfer.cut", reason="client-went-away")
    assert there() == b"G" * size


def test_a_file_of_no_told_size_is_sent_in_one_go(world: World, stack: contextlib.ExitStack) -> None:
    """As the client sends empty ones."""
    held = world.grant(EXPERIMENT)
    _, body = world.ask(held, "api/2.0/mlflow/logged-models", "POST", {"experiment_id": "0", "name": "m"})
    folder = json.loads(body)["model"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for word, status in ((b"", 200), (b"chunked", 200), (b"x" * (1024 * 1024 + 1), 413)):
        path = f"api/2.0/mlflow-artifacts/artifacts/{folder}/of-{len(word)}"
        connection = stack.enter_context(contextlib.closing(http.client.HTTPConnection(world.gateway.host, timeout=60)))
        fields = {"Authorization": f"Bearer {held.token}"}
        connection.request("PUT", f"/mlflow/tracking/{path}", iter([word] if word else []), fields, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (status, True)
        if status == 200:
            assert world.owner.raw(f"/{path}") == word
