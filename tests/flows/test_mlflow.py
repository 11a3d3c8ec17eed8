"""The unmodified `mlflow` client through the gateway to a real tracking server: what works, what is refused."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import Gateway, Held, Pins, running_gateway
from tests.support.mlflow import Client, Refused, Tracking, running_client, running_server
from tests.support.processes import wait_for

PULL = frozenset({Operation.PULL})
WRITE = frozenset({Operation.PULL, Operation.PUSH})
PUSH, DELETE, PROMOTE, ADMIN = (frozenset({item}) for item in list(Operation)[1:])
EVERYTHING = frozenset(Operation)
HALF = 32 * 1024 * 1024
SMALL = {"MLmodel": b"artifact_path: m\n", "python_model.pkl": b"pickle", "requirements.txt": b"mlflow\n"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_client(tmp_path_factory.mktemp("client")) as running:
        yield running


@pytest.fixture
def pins() -> Pins:
    return {}


@pytest.fixture
def gateway(tmp_path: Path, server: str, pins: Pins) -> Iterator[Gateway]:
    with running_gateway(tmp_path / "gw", pins=pins) as running:
        running.add_target("tracking", server, kind="mlflow")
        yield running


@dataclass(frozen=True, slots=True)
class World:
    """The real client, at the tracking server itself (`told`) or through the gateway (`run`)."""

    gateway: Gateway
    client: Client
    server: str

    @property
    def owner(self) -> Tracking:
        """The server, past the gateway."""
        return Tracking(self.server)

    def told(self, code: str) -> object:
        """What an owner did before, past the gateway."""
        return self.client.run(self.server, "", code)

    def run(self, held: Held, code: str) -> object:
        return self.client.run(f"{self.gateway.url}/mlflow/tracking", held.token, code)

    def grant(self, *resources: ResourceScope, **more: object) -> Held:
        return self.gateway.grant("tracking", *resources, **more)  # type: ignore[arg-type]

    def model(self, versions: int = 1) -> str:
        """A registered model of so many versions, each with files of its own."""
        name = f"model-{uuid4().hex[:8]}"
        self.owner.register(name, *(self.owner.logged(SMALL) for _ in range(versions)))
        return name

    def alias(self, name: str, alias: str, version: int) -> None:
        """Set past the gateway."""
        self.owner.change("registered-models/alias", {"name": name, "alias": alias, "version": str(version)})

    def ask(self, held: Held | None, path: str, method: str = "GET", body: object = None) -> tuple[int, bytes]:
        """A request of no client."""
        connection = http.client.HTTPConnection(self.gateway.host, timeout=30)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = {"Authorization": f"Bearer {held.token}"} if held else {}
        connection.request(method, f"/mlflow/tracking/{path}", sent, fields)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found


@pytest.fixture
def world(gateway: Gateway, client: Client, server: str) -> World:
    return World(gateway, client, server)


def of(name: str, operations: frozenset[Operation] = PULL, **more: tuple[str, ...]) -> ResourceScope:
    return ResourceScope(f"models/{name}", operations, **more)


def experiment(operations: frozenset[Operation] = WRITE, identity: str = "0") -> ResourceScope:
    return ResourceScope(f"experiments/{identity}", operations)


def download(uri: str) -> str:
    return f"result = sorted(os.listdir(mlflow.artifacts.download_artifacts({uri!r})))"


def refused(reason: str = "") -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, match=reason)


FILES = sorted([*SMALL, "registered_model_meta"])


def test_a_version_is_downloaded(world: World) -> None:
    name = world.model()
    held = world.grant(of(name))
    assert world.run(held, download(f"models:/{name}/1")) == FILES
    done = world.gateway.wait_record("proxy.transfer.completed", repository=f"models/{name}", reference="1")
    assert (done["target"], done["operation"]) == ("tracking", "pull")


def test_another_model_is_refused_in_words(world: World) -> None:
    name, other = world.model(), world.model()
    held = world.grant(of(name))
    for hidden in (other, "nowhere"):
        with refused(rf"PERMISSION_DENIED.*/request\?resource=tracking/models/{hidden}&operation=pull"):
            world.run(held, download(f"models:/{hidden}/1"))
    world.gateway.wait_record("proxy.request.refused", repository=f"models/{other}", reason="out-of-scope")


def test_an_alias_means_what_it_meant_first(world: World, pins: Pins) -> None:
    name = world.model(versions=2)
    world.alias(name, "champion", 1)
    held, whole = world.grant(of(name, tags=("champion",))), world.grant(of(name))
    assert world.run(held, download(f"models:/{name}@champion")) == FILES
    world.alias(name, "champion", 2)
    version_of = f"result = client.get_model_version_by_alias({name!r}, 'champion').version"
    assert world.run(held, version_of) == "1"
    assert world.run(whole, version_of) == "2"
    assert world.run(held, download(f"models:/{name}/1")) == FILES
    with refused("does not cover this version or alias"):
        world.run(held, download(f"models:/{name}/2"))
    assert pins[held.view.grant_id, f"models/{name}"]["champion"] == "1"


def test_a_version_that_an_alias_of_the_grant_means_is_open_by_its_number(world: World) -> None:
    name = world.model(versions=2)
    world.alias(name, "champion", 2)
    held = world.grant(of(name, tags=("champion",)))
    assert world.run(held, download(f"models:/{name}/2")) == FILES
    with refused("does not cover this version"):
        world.run(held, download(f"models:/{name}/1"))


def test_what_a_restricted_grant_is_told_of_its_model(world: World) -> None:
    name = world.model(versions=3)
    world.alias(name, "champion", 1)
    world.alias(name, "hidden", 3)
    held, whole = world.grant(of(name, tags=("1", "champion"))), world.grant(of(name))
    told = f"m = client.get_registered_model({name!r}); result = [m.aliases, [v.version for v in m.latest_versions]]"
    assert world.run(held, told) == [{"champion": "1"}, []]
    assert world.run(whole, told) == [{"champion": "1", "hidden": "3"}, ["3"]]
    versions = f"result = sorted(v.version for v in client.search_model_versions(\"name = '{name}'\"))"
    assert world.run(held, versions) == ["1"]
    assert world.run(whole, versions) == ["1", "2", "3"]


def test_a_search_finds_what_is_granted(world: World) -> None:
    first, second, hidden = sorted(world.model() for _ in range(3))
    held = world.grant(of(first), of(second))
    search = "page = client.search_registered_models({}); result = [[m.name for m in page], page.token or '']"
    assert world.run(held, search.format("")) == [[first, second], ""]
    assert world.run(held, search.format(f"\"name = '{hidden}'\"")) == [[], ""]
    assert world.run(held, search.format("\"name LIKE 'model%'\"")) == [[first, second], ""]
    with refused("INVALID_PARAMETER_VALUE"):
        world.run(held, search.format("\"name LIKE 'model%' --\""))
    assert world.run(held, search.format("max_results=1"))[0] == [first]  # type: ignore[index]
    paged = (
        "names, token = [], None\nwhile True:\n p = client.search_registered_models(max_results=1, page_token=token)"
    )
    paged += "\n names.append([m.name for m in p]); token = p.token\n if not token: break\nresult = names"
    assert world.run(held, paged) == [[first], [second]]
    assert world.run(world.grant(experiment()), search.format("")) == [[], ""]


LOG = "info = log_model(); result = info.model_id"


def test_a_model_is_logged_registered_and_given_an_alias(world: World) -> None:
    name = f"model-{uuid4().hex[:8]}"
    held = world.grant(experiment(), of(name, EVERYTHING))
    register = f"{LOG}; v = mlflow.register_model(info.model_uri, {name!r}); result = v.version"
    assert world.run(held, register) == "1"
    world.run(held, f"client.set_registered_model_alias({name!r}, 'champion', '1')")
    world.run(held, f"client.set_model_version_tag({name!r}, '1', 'k', 'v')")
    world.run(held, f"client.update_model_version({name!r}, '1', 'described')")
    assert world.run(held, f"result = mlflow.pyfunc.load_model('models:/{name}@champion').predict([1])") == [1]
    world.run(held, f"client.delete_registered_model_alias({name!r}, 'champion')")
    world.run(held, f"client.delete_model_version({name!r}, '1')")
    world.run(held, f"client.delete_registered_model({name!r})")
    for operation in ("push", "promote", "delete", "admin", "pull"):
        world.gateway.wait_record("proxy.request.allowed", repository=f"models/{name}", operation=operation)


@pytest.mark.parametrize(
    ("needed", "code"),
    [
        (PUSH, "client.set_model_version_tag({name!r}, '1', 'k', 'v')"),
        (PUSH, "client.update_registered_model({name!r}, 'text')"),
        (DELETE, "client.delete_model_version({name!r}, '1')"),
        (PROMOTE, "client.set_registered_model_alias({name!r}, 'champion', '1')"),
        (PROMOTE, "client.delete_registered_model_alias({name!r}, 'champion')"),
        (PROMOTE, "client.transition_model_version_stage({name!r}, '1', 'Production')"),
        (PROMOTE, "client.transition_model_version_stage({name!r}, '1', 'Staging', archive_existing_versions=True)"),
        (ADMIN, "client.delete_registered_model({name!r})"),
    ],
)
def test_each_kind_of_change_needs_its_own_operation(world: World, needed: frozenset[Operation], code: str) -> None:
    """All others together are not enough, and the one by itself is."""
    name = world.model()
    if "delete_registered_model_alias" in code:
        world.alias(name, "champion", 1)
    with refused("PERMISSION_DENIED"):
        world.run(world.grant(of(name, EVERYTHING - needed)), code.format(name=name))
    done = world.gateway.wait_record("proxy.request.refused", repository=f"models/{name}")
    [wanted] = needed
    assert (done["reason"], done["operation"]) == ("operation-not-granted", wanted.value)
    world.run(world.grant(of(name, needed)), code.format(name=name))
    world.gateway.wait_record("proxy.transfer.completed", repository=f"models/{name}", operation=wanted.value)


def test_a_model_is_renamed_by_whoever_administers_both_names(world: World) -> None:
    name, new = world.model(), f"new-{uuid4().hex[:8]}"
    rename = f"client.rename_registered_model({name!r}, {new!r})"
    for held in (
        world.grant(of(name, ADMIN)),
        world.grant(of(name, EVERYTHING), of(new, EVERYTHING - ADMIN)),
        world.grant(of(name, EVERYTHING - ADMIN), of(new, EVERYTHING)),
        world.grant(of(name, EVERYTHING), of(new, EVERYTHING, tags=("1",))),
    ):
        with refused("PERMISSION_DENIED"):
            world.run(held, rename)
    world.run(world.grant(of(name, ADMIN), of(new, ADMIN)), rename)
    assert world.run(world.grant(of(new)), download(f"models:/{new}/1")) == FILES


def test_what_others_load_changes_when_somebody_may_promote(world: World) -> None:
    name = world.model(versions=2)
    world.alias(name, "champion", 1)
    reader, now = world.grant(of(name)), f"result = client.get_model_version_by_alias({name!r}, 'champion').version"
    assert world.run(reader, now) == "1"
    with refused("operation=promote"):
        world.run(world.grant(of(name, WRITE)), f"client.set_registered_model_alias({name!r}, 'champion', '2')")
    assert world.run(reader, now) == "1"
    world.run(world.grant(of(name, PROMOTE)), f"client.set_registered_model_alias({name!r}, 'champion', '2')")
    assert world.run(reader, now) == "2"


def test_who_may_promote_does_not_read(world: World) -> None:
    name = world.model()
    world.owner.change("registered-models/update", {"name": name, "description": "secret"}, "PATCH")
    look = f"m = client.get_registered_model({name!r}); result = [m.name, m.description]"
    for operations in (PROMOTE, DELETE, ADMIN):
        held = world.grant(of(name, operations))
        assert world.run(held, look) == [name, ""]
        with refused("PERMISSION_DENIED"):
            world.run(held, download(f"models:/{name}/1"))
    assert world.run(world.grant(of(name)), look) == [name, "secret"]


def test_a_part_of_a_model_is_no_leave_to_change_all_of_it(world: World) -> None:
    name = world.model(versions=2)
    held = world.grant(of(name, EVERYTHING, tags=("1", "champion", "Production")))
    world.run(held, f"client.set_model_version_tag({name!r}, '1', 'k', 'v')")
    world.run(held, f"client.set_registered_model_alias({name!r}, 'champion', '1')")
    world.run(held, f"client.transition_model_version_stage({name!r}, '1', 'Production')")
    for code in (
        f"client.set_model_version_tag({name!r}, '2', 'k', 'v')",
        f"client.set_registered_model_alias({name!r}, 'champion', '2')",
        f"client.set_registered_model_alias({name!r}, 'other', '1')",
        f"client.delete_registered_model_alias({name!r}, 'other')",
        f"client.transition_model_version_stage({name!r}, '2', 'Production')",
        f"client.transition_model_version_stage({name!r}, '1', 'Staging')",
        f"client.transition_model_version_stage({name!r}, '1', 'Production', archive_existing_versions=True)",
        f"client.rename_registered_model({name!r}, {name + 'x'!r})",
        f"client.update_registered_model({name!r}, 'text')",
        f"client.delete_registered_model({name!r})",
    ):
        with refused("does not cover this version or alias"):
            world.run(held, code)


def test_a_copy_needs_read_on_its_source(world: World) -> None:
    source, target = world.model(versions=2), f"copy-{uuid4().hex[:8]}"
    copy = "result = client.copy_model_version('models:/{}/{}', {!r}).version"
    writer, body = world.grant(of(target, WRITE)), {"name": target, "source": f"models:/{source}/1"}
    with refused(f"resource=tracking/models/{source}&operation=pull"):
        world.run(writer, copy.format(source, 1, target))
    told = world.ask(writer, "api/2.0/mlflow/model-versions/create", "POST", body)
    assert f"Missing: pull on tracking/models/{source}. Request access" in str(told)
    held = world.grant(of(target, WRITE), of(source, tags=("1",)))
    assert world.run(held, copy.format(source, 1, target)) == "1"
    assert world.run(held, download(f"models:/{target}/1")) == FILES
    create = "api/2.0/mlflow/model-versions/create"
    for body in (
        {"name": target, "source": f"models:/{source}/2"},
        {"name": target, "source": "mlflow-artifacts:/0"},
        {"name": target, "source": "s3://elsewhere/model"},
        {"name": target, "source": "file:///etc"},
        {"name": target, "source": f"models:/{source}@champion"},
    ):
        status, _ = world.ask(held, create, "POST", body)
        assert status == 403, body
    assert world.ask(held, create, "POST", {"name": target, "source": f"models:/{source}/1"})[0] == 200


def test_registering_a_logged_model_needs_read_on_its_experiment(world: World) -> None:
    name, body = f"model-{uuid4().hex[:8]}", dict[str, str]()
    logged = world.owner.logged(SMALL)
    body = {"name": name, "source": f"models:/{logged}", "model_id": logged}
    create, register = "api/2.0/mlflow/model-versions/create", "api/2.0/mlflow/registered-models/create"
    writer, both = world.grant(of(name, WRITE)), world.grant(of(name, WRITE), experiment(PULL))
    assert world.ask(writer, register, "POST", {"name": name})[0] == 200
    status, told = world.ask(writer, create, "POST", body)
    assert (status, "Missing: pull on the experiment" in str(told)) == (403, True)
    assert (
        world.ask(both, create, "POST", body | {"source": f"mlflow-artifacts:/1/models/{logged}/artifacts"})[0] == 403
    )
    assert world.ask(both, create, "POST", body | {"run_id": "0" * 32})[0] == 403
    assert world.ask(both, create, "POST", body)[0] == 200


def test_logging_needs_the_experiment(world: World) -> None:
    other = world.owner.change("experiments/create", {"name": uuid4().hex})["experiment_id"]
    held = world.grant(experiment(WRITE, other))
    assert str(world.run(held, f"info = log_model({other!r}); result = info.model_id")).startswith("m-")
    with refused("PERMISSION_DENIED"):
        world.run(held, "log_model('0')")
    with refused("PERMISSION_DENIED"):
        world.run(world.grant(experiment(PULL, other)), f"log_model({other!r})")
    foreign, mine = (
        world.owner.change("runs/create", {"experiment_id": identity})["run"]["info"]["run_id"]
        for identity in ("0", other)
    )
    logged = world.owner.logged(SMALL)
    for run, body in (
        (foreign, {}), ("f" * 32, {}), (mine, {"model_id": logged}), (mine, {"run_uuid": foreign}),
    ):  # fmt: skip
        status, _ = world.ask(
            held, "api/2.0/mlflow/runs/log-metric", "POST",
            {"run_id": run, "key": "k", "value": 1.0, "timestamp": 1, **body},
        )  # fmt: skip
        assert status in (400, 403), body
    assert world.ask(held, f"api/2.0/mlflow/runs/get?run_id={mine}")[0] == 200
    assert world.ask(held, f"api/2.0/mlflow/runs/get?run_id={foreign}") == world.ask(
        held, f"api/2.0/mlflow/runs/get?run_id={'f' * 32}"
    )


def test_the_files_of_a_ready_model_stay_what_they_are(world: World) -> None:
    held = world.grant(experiment())
    put = "api/2.0/mlflow-artifacts/artifacts/0/models/{}/artifacts/extra.bin"
    create = {"experiment_id": "0", "name": "m"}
    status, body = world.ask(held, "api/2.0/mlflow/logged-models", "POST", create)
    assert status == 200
    pending = json.loads(body)["model"]["info"]["model_id"]
    assert world.ask(held, put.format(pending), "PUT", b"x" * 100_000)[0] == 200
    assert world.ask(world.grant(experiment(PULL)), put.format(pending), "PUT", b"x")[0] == 403
    finish = {"model_id": pending, "status": "LOGGED_MODEL_READY"}
    assert world.ask(held, f"api/2.0/mlflow/logged-models/{pending}", "PATCH", finish)[0] == 200
    assert b"ready" in world.ask(held, put.format(pending), "PUT", b"y")[1]
    again = finish | {"status": "LOGGED_MODEL_PENDING"}
    assert world.ask(held, f"api/2.0/mlflow/logged-models/{pending}", "PATCH", again)[0] == 400


def artifacts_of(world: World, name: str, version: int = 1) -> str:
    answer = world.owner.raw(f"/api/2.0/mlflow/model-versions/get-download-uri?name={name}&version={version}")
    return str(json.loads(answer)["artifact_uri"]).removeprefix("mlflow-artifacts:/")


def test_a_path_opens_only_the_version_it_belongs_to(world: World) -> None:
    name, other = world.model(), world.model()
    mine, theirs = artifacts_of(world, name), artifacts_of(world, other)
    held, root = world.grant(of(name)), "api/2.0/mlflow-artifacts/artifacts"
    assert world.ask(held, f"{root}/{mine}/MLmodel")[0] == 403  # nobody asked where its files lie
    world.run(held, download(f"models:/{name}/1"))
    assert world.ask(held, f"{root}/{mine}/MLmodel")[0] == 200
    assert world.ask(held, f"{root}?path={mine}")[0] == 200
    for path in (
        f"/{theirs}/MLmodel", f"?path={theirs}", "?path=", "", "?path=0", "?path=0/models", f"/{mine}x/MLmodel",
        f"/{mine}/../{theirs.split('/')[2]}/MLmodel", f"/{mine}/%2e%2e/x", f"/{mine}%2FMLmodel",
        f"/{mine}/%252e%252e/x", f"?path={mine}/..", f"?path={mine}%2F..", f"?path={mine}/%252e%252e",
        f"?path={mine}&path={theirs}",
        f"?path={theirs}&path={mine}", f"/{mine}/MLmodel?path={theirs}",
    ):  # fmt: skip
        status, _ = world.ask(held, root + path)
        assert status in (400, 403, 404), path
    assert world.ask(held, f"{root}/{mine}/MLmodel", "DELETE")[0] == 404
    assert world.ask(held, f"{root}/{mine}/MLmodel", "PUT", b"x")[0] == 403


def test_a_grant_for_files_sees_no_other(world: World) -> None:
    name = world.model()
    held = world.grant(of(name, files=("MLmodel", "*.txt")))
    assert world.run(held, download(f"models:/{name}/1")) == ["MLmodel", "registered_model_meta", "requirements.txt"]
    status, body = world.ask(held, f"api/2.0/mlflow-artifacts/artifacts/{artifacts_of(world, name)}/python_model.pkl")
    assert (status, b"does not cover this file" in body) == (403, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "ajax-api/2.0/mlflow/registered-models/get?name=x"),
        ("GET", "ajax-api/3.0/mlflow/server-info"),
        ("GET", "api/2.0mlflow/registered-models/get?name=x"),
        ("GET", "api/3.0/mlflow/registered-models/get?name=x"),
        ("POST", "ajax-api/2.0/mlflow/registered-models/rename"),
        ("POST", "ajax-api/2.0/mlflow/registered-models/alias"),
        ("DELETE", "ajax-api/2.0/mlflow/registered-models/alias"),
        ("POST", "ajax-api/2.0/mlflow/model-versions/transition-stage"),
        ("POST", "graphql"),
        ("GET", "get-artifact?path=x&run_uuid=y"),
        ("GET", "model-versions/get-artifact?path=x&name=y&version=1"),
        ("POST", "api/2.0/mlflow/registered-models/search"),
        ("POST", "api/2.0/mlflow/runs/search"),
        ("GET", "api/2.0/mlflow/experiments/search"),
        ("POST", "api/2.0/mlflow/experiments/create"),
        ("POST", "api/2.0/mlflow/logged-models/search"),
        ("GET", "api/2.0/mlflow/artifacts/list?run_id=x"),
        ("GET", "api/2.0/mlflow/traces"),
        ("GET", "api/2.0/mlflow/webhooks"),
        ("POST", "api/2.0/mlflow/gateway-proxy"),
        ("GET", "ajax-api/3.0/jobs"),
        ("GET", "api/2.0/mlflow/users/get"),
        ("GET", "api/2.0/mlflow/registered-models/get/?name=x"),
        ("HEAD", "api/2.0/mlflow/registered-models/get?name=x"),
        ("GET", "api/2.0/mlflow-artifacts/presigned/0/models/m/artifacts/x"),
        ("POST", "api/2.0/mlflow-artifacts/mpu/create/0/models/m/artifacts/x"),
        ("GET", ""),
    ],
)
def test_nothing_else_reaches_the_server(world: World, method: str, path: str) -> None:
    status, _ = world.ask(world.grant(of("x", EVERYTHING)), path, method)
    assert status in (404, 501)
    refused = world.gateway.wait_record("proxy.request.refused")
    assert refused["reason"] == "route-unknown"


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"mine","name":"theirs"}',
        b'{"name":"mine","registered_model":"theirs"}',
        b'{"name":["mine"]}',
        b'["mine"]',
        b'"{\\"name\\":\\"mine\\"}"',
        b'{"name":"mine","description":NaN}',
        '{"name":"mine"}'.encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"name":"mine"}',
        b'{"name":"mine"} {"name":"theirs"}',
        b"",
        b'{"name":"mine","tags":[{"key":"a","value":"b","more":"c"}]}',
        b'{"name":"mi/ne"}',
        b"[" * 100_000,
    ],
)
def test_a_body_has_one_reading(world: World, body: bytes) -> None:
    held = world.grant(of("mine", EVERYTHING))
    status, answer = world.ask(held, "api/2.0/mlflow/registered-models/create", "POST", body)
    assert status == 400
    assert json.loads(answer)["error_code"] == "BAD_REQUEST"


def test_a_large_body_is_not_read(world: World) -> None:
    held = world.grant(of("mine", EVERYTHING))
    path = "api/2.0/mlflow/registered-models/create"
    assert world.ask(held, path, "POST", b'{"name":"mine"' + b" " * 1_100_000 + b"}")[0] == 413


def test_what_the_server_offers_past_the_gateway_is_off(world: World) -> None:
    held = world.grant(of("x"))
    status, body = world.ask(held, "api/3.0/mlflow/server-info")
    assert status == 200
    assert not any(value for key, value in json.loads(body).items() if key != "store_type")
    assert world.ask(held, "health") == (200, b"OK")
    assert re.fullmatch(rb"3\.[0-9.]+", world.ask(held, "version")[1])
    assert world.ask(None, "api/3.0/mlflow/server-info")[0] == 401


def test_uploads_in_parts_fall_back_to_one_request(world: World) -> None:
    held = world.grant(experiment())
    parts = "os.environ['MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD'] = 'true'\n"
    parts += "os.environ['MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE'] = '1'\n"
    try:
        assert world.run(held, parts + LOG)
    finally:
        world.told("os.environ.pop('MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE', None)")
        world.told("os.environ.pop('MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD', None)")


def test_another_target_and_another_door(world: World) -> None:
    name = world.model()
    world.gateway.add_target("second", world.server, kind="mlflow")
    world.gateway.add_target("images", world.server, kind="oci")
    second, images = world.gateway.grant("second", of(name)), world.gateway.grant("images", of(name))
    get = f"api/2.0/mlflow/registered-models/get?name={name}"
    assert world.ask(world.grant(of(name)), get)[0] == 200
    for held in (second, images):
        for path in (get, "api/2.0/mlflow/registered-models/search", "version"):
            assert world.ask(held, path)[0] == 403


def test_a_revoked_grant_and_a_spent_budget(world: World) -> None:
    name = world.model()
    held = world.grant(of(name))
    assert world.run(held, download(f"models:/{name}/1")) == FILES
    world.gateway.revoke(held)
    with refused("revoked"):
        world.run(held, download(f"models:/{name}/1"))
    poor = world.grant(of(name), byte_budget=100)
    with refused("budget"):
        world.run(poor, download(f"models:/{name}/1"))


def test_a_download_is_cut_at_half(world: World) -> None:
    name, logged = f"big-{uuid4().hex[:8]}", world.owner.logged({"weights.bin": b"w" * 2 * HALF})
    world.owner.register(name, logged)
    held = world.grant(of(name))
    status, _ = world.ask(held, f"api/2.0/mlflow/model-versions/get-download-uri?name={name}&version=1")
    assert status == 200
    connection = http.client.HTTPConnection(world.gateway.host, timeout=30)
    path = f"/mlflow/tracking/api/2.0/mlflow-artifacts/artifacts/{artifacts_of(world, name)}/weights.bin"
    connection.request("GET", path, headers={"Authorization": f"Bearer {held.token}"})
    answer = connection.getresponse()
    assert len(answer.read(HALF)) == HALF
    world.gateway.revoke(held)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    connection.close()
    cut = world.gateway.wait_record("proxy.transfer.cut", repository=f"models/{name}")
    assert (cut["reason"], cut["reference"]) == (Reason.GRANT_REVOKED.value, "1")


def test_each_request_has_its_record(world: World) -> None:
    name = world.model()
    held = world.grant(of(name))
    world.run(held, download(f"models:/{name}/1"))
    done = world.gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id, operation="server-info")
    assert done["status"] == 200
    wait_for(lambda: len(_files(world, held)) == len(SMALL), "a record of each file")
    assert _files(world, held) == sorted(SMALL)
    records = world.gateway.records("proxy.transfer.completed", grant=held.view.grant_id)
    allowed = {item["exchange"] for item in world.gateway.records("proxy.request.allowed")}
    assert {item["exchange"] for item in records} <= allowed
    of_files = [item for item in records if item["detail"].get("file")]  # type: ignore[attr-defined]
    assert {(item["repository"], item["reference"]) for item in of_files} == {(f"models/{name}", "1")}


def _files(world: World, held: Held) -> list[str]:
    records = world.gateway.records("proxy.transfer.completed", grant=held.view.grant_id)
    paths = [str(item["detail"].get("file", "")) for item in records]  # type: ignore[attr-defined]
    return sorted(path.split("/")[-1] for path in paths if path)
