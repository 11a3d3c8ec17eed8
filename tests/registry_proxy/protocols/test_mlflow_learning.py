"""What MLflow's dialect learns before it judges, and what it lets through of the answers. No socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Judgement, Prepared
from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.mlflow.dialect import MlflowDialect
from registry_proxy.protocols.mlflow.names import folder_of
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import RefKind, Wanted
from tests.support.mlflow.played import (
    ADMIN,
    ALL,
    DOWNLOAD,
    FACTS,
    FILE,
    FOLDER,
    LOGGED,
    LOOK,
    OK,
    PROMOTE,
    PULL,
    PUSH,
    RUN,
    RUNS,
    VERSION,
    M,
    Played,
    answered,
    head,
    told,
)


def test_a_run_is_judged_as_its_experiment() -> None:
    world = Played(ResourceScope("experiments/7", ALL), **RUNS)
    body = {"run_id": RUN, "key": "k", "value": "v"}
    prepared, asked = world.ask("POST", f"{M}runs/set-tag", body)
    assert (prepared, asked.classified.wanted) == (Prepared(), (Wanted("tracking", "experiments/7", PUSH),))
    world.ask("POST", f"{M}runs/set-tag", body)
    assert len(world.fetches) == 1


@pytest.mark.parametrize(
    "info",
    [
        {"run_id": RUN, "experiment_id": "8"},
        {"run_id": "f" * 32, "experiment_id": "7"},
        {"run_id": RUN, "experiment_id": "../7"},
        {"run_id": RUN},
    ],
)
def test_a_run_elsewhere_is_a_run_that_is_not_there(info: object) -> None:
    path, resource = f"{M}runs/get?run_id={RUN}", ResourceScope("experiments/7", ALL)
    absent = Played(resource).ask("GET", path)[0]
    assert absent.refusal is Reason.OUT_OF_SCOPE
    assert Played(resource, runs_get={"run": {"info": info}}).ask("GET", path)[0] == absent


def test_a_path_belongs_to_the_version_that_was_asked_for() -> None:
    world = Played(ResourceScope("models/mine", ALL), ResourceScope("models/other", ALL), **told())
    assert world.ask("GET", FILE)[0].refusal is Reason.OUT_OF_SCOPE
    assert world.ask("GET", DOWNLOAD)[0].answer is not None
    world.dialect = MlflowDialect()  # another process
    prepared, asked = world.ask("GET", FILE)
    assert prepared == Prepared()
    assert asked.classified.wanted == (Wanted("tracking", "models/mine", PULL, "3", RefKind.COMMIT, "a b/weights.bin"),)
    for near in (FILE.replace("/artifacts/a", "/artifacts2/a"), FILE.replace("/artifacts/a", "/artifact/a")):
        assert world.ask("GET", near)[0].refusal is Reason.OUT_OF_SCOPE
    assert asked.classified.upstream_target == b"/" + FILE.encode()


@pytest.mark.parametrize(
    ("resource", "refusal"),
    [
        (ResourceScope("models/mine", ALL), None),
        (ResourceScope("models/mine", ALL, tags=("3",)), None),
        (ResourceScope("models/mine", frozenset({PUSH, PROMOTE, ADMIN})), Reason.OUT_OF_SCOPE),
        (ResourceScope("models/mine", ALL, tags=("2", "best")), Reason.REFERENCE_NOT_GRANTED),
    ],
)
def test_a_path_that_was_told_is_judged_again_as_its_version(resource: ResourceScope, refusal: Reason | None) -> None:
    """Pins outlive what told them: an extension may be narrower."""
    world = Played(resource)
    world.pins["models/mine"] = {"files/3": FOLDER, "best": "2"}
    assert world.ask("GET", FILE)[0].refusal is refusal


def test_where_files_lie_does_not_change_under_a_grant() -> None:
    world = Played(ResourceScope("models/mine", ALL), **told())
    world.ask("GET", DOWNLOAD)
    world.ask("GET", DOWNLOAD)
    assert len(world.fetches) == 1
    world.dialect, world.answers = MlflowDialect(), told("mlflow-artifacts:/8/other/artifacts")
    answer = world.ask("GET", DOWNLOAD)[0].answer
    assert answer is not None
    assert FOLDER.encode() in answer.body


@pytest.mark.parametrize(
    "uri",
    [
        "mlflow-artifacts:/", "mlflow-artifacts:/7", "mlflow-artifacts:/7/x", "mlflow-artifacts:/7/../x/y",
        "mlflow-artifacts://host/7/x/y/z", "s3://bucket/a/b/c", "file:///etc/a/b/c", "/a/b/c/d", "",
        "mlflow-artifacts:/7/models/%2e%2e/x", "mlflow-artifacts:/a/b/" + "c" * 130,
    ],
)  # fmt: skip
def test_a_place_that_is_no_folder_of_one_model_opens_nothing(uri: str) -> None:
    assert folder_of(uri) == ""
    prepared, _ = Played(ResourceScope("models/mine", ALL), **told(uri)).ask("GET", DOWNLOAD)
    assert prepared.refusal is Reason.UPSTREAM_BROKEN
    assert prepared.answer is not None
    assert b"--artifacts-destination" in prepared.answer.body


def test_an_alias_is_pinned_for_restricted_grants_only() -> None:
    says = {"registered_models_alias": {"model_version": {"name": "mine", "version": "2"}}}
    path = f"{M}registered-models/alias?name=mine&alias=best"
    restricted = Played(ResourceScope("models/mine", ALL, tags=("best",)), **says)
    _, asked = restricted.ask("GET", path)
    assert asked.classified.upstream_target == b"/api/2.0/mlflow/model-versions/get?name=mine&version=2"
    assert restricted.pins == {"models/mine": {"best": "2"}}
    whole = Played(ResourceScope("models/mine", ALL), **says)
    assert whole.ask("GET", path)[1].classified.upstream_target == f"/{path}".encode()
    assert whole.pins == {}


def test_a_version_is_open_by_an_alias_of_the_scope() -> None:
    says = told(registered_models_alias={"model_version": {"name": "mine", "version": "3"}})
    world = Played(ResourceScope("models/mine", ALL, tags=("best", "c*")), **says)
    assert world.ask("GET", DOWNLOAD)[0].refusal is None
    closed = world.ask("GET", DOWNLOAD.replace("version=3", "version=4"))[0]
    assert closed.refusal is Reason.REFERENCE_NOT_GRANTED


def test_a_file_is_written_only_where_the_server_keeps_that_model() -> None:
    def model(status: str = "LOGGED_MODEL_PENDING", folder: str = FOLDER) -> dict[str, object]:
        info = {
            "model_id": LOGGED, "experiment_id": "7", "artifact_uri": f"mlflow-artifacts:/{folder}", "status": status,
        }  # fmt: skip
        return {f"logged_models_{LOGGED.replace('-', '_')}": {"model": {"info": info}}}

    resource = ResourceScope("experiments/7", ALL)
    prepared, asked = Played(resource, **model()).ask("PUT", FILE)
    wanted = Wanted("tracking", "experiments/7", PUSH, file="a b/weights.bin")
    assert (prepared, asked.classified.wanted) == (Prepared(), (wanted,))
    assert Played(resource, **model("LOGGED_MODEL_READY")).ask("PUT", FILE)[0].refusal is Reason.REFERENCE_NOT_GRANTED
    other = model()
    other[f"logged_models_{LOGGED.replace('-', '_')}"]["model"]["info"]["model_id"] = "m-" + "2" * 32  # type: ignore[index]
    assert Played(resource, **other).ask("PUT", FILE)[0].refusal is Reason.OUT_OF_SCOPE
    elsewhere = model(folder=FOLDER.replace("7/", "8/"))
    assert Played(resource, **elsewhere).ask("PUT", FILE)[0].refusal is Reason.OUT_OF_SCOPE
    assert Played(resource).ask("PUT", FILE)[0].refusal is Reason.OUT_OF_SCOPE


def test_the_end_of_a_file_waits_until_the_server_was_asked_again() -> None:
    world = Played(ResourceScope("experiments/7", ALL), **logged())
    _, asked = world.ask("PUT", FILE, "some bytes")
    request = world.dialect.upstream_request(asked)
    assert request.check is not None
    assert request.last is not None
    assert request.last.request.target == f"/{M}logged-models/{LOGGED}".encode()

    def told(status: int, answers: dict[str, object]) -> Reason | None:
        (answer,) = answers.values()
        assert request.last is not None
        return request.last.refuses(status, json.dumps(answer).encode())

    assert told(200, logged()) is None
    assert told(200, logged("LOGGED_MODEL_READY")) is Reason.REFERENCE_NOT_GRANTED
    assert told(200, logged(registrations=[{"name": "a"}])) is Reason.REFERENCE_NOT_GRANTED
    assert told(200, logged(artifact_uri="mlflow-artifacts:/8/models/x/artifacts")) is Reason.REFERENCE_NOT_GRANTED
    assert told(404, logged()) is Reason.UPSTREAM_BROKEN
    assert told(200, logged(model_id="m-" + "2" * 32)) is Reason.UPSTREAM_BROKEN
    answer = world.dialect.refusal(Reason.REFERENCE_NOT_GRANTED, FACTS, asked.classified)
    assert b"ready" in answer.body


NEW_VERSION = {"name": "mine", "source": f"mlflow-artifacts:/{FOLDER}", "model_id": LOGGED, "run_id": RUN}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"source": f"models:/{LOGGED}"}, None),
        ({"source": f"mlflow-artifacts:/8/models/{LOGGED}/artifacts"}, Reason.MOUNT_SOURCE_NOT_GRANTED),
        ({"source": f"mlflow-artifacts:/7x/models/{LOGGED}/artifacts"}, Reason.MOUNT_SOURCE_NOT_GRANTED),
        ({"run_id": "f" * 32}, Reason.OUT_OF_SCOPE),  # no such run
        ({"run_id": "e" * 32}, Reason.MOUNT_SOURCE_NOT_GRANTED),  # one of the same experiment, but not its own
    ],
)
def test_a_version_is_made_of_what_it_says(change: dict[str, str], refusal: Reason | None) -> None:
    info = {
        "model_id": LOGGED, "experiment_id": "7", "artifact_uri": f"mlflow-artifacts:/{FOLDER}", "source_run_id": RUN,
        "status": "LOGGED_MODEL_READY",
    }  # fmt: skip
    body = NEW_VERSION | change
    run = {"run": {"info": {"run_id": body["run_id"], "experiment_id": "7"}}} if body["run_id"] != "f" * 32 else {}
    world = Played(
        ResourceScope("models/mine", ALL), ResourceScope("experiments/7", ALL), runs_get=run,
        **{f"logged_models_{LOGGED.replace('-', '_')}": {"model": {"info": info}}},
    )  # fmt: skip
    prepared, asked = world.ask("POST", f"{M}model-versions/create", body)
    assert prepared.refusal is refusal
    if refusal is None:
        assert Wanted("tracking", "experiments/7", PULL) in asked.classified.wanted


def logged(status: str = "LOGGED_MODEL_PENDING", **more: object) -> dict[str, object]:
    """A tracking server's answer about the logged model of these tests."""
    info = {
        "model_id": LOGGED, "experiment_id": "7", "artifact_uri": f"mlflow-artifacts:/{FOLDER}", "status": status,
        "source_run_id": RUN, **more,
    }  # fmt: skip
    return {f"logged_models_{LOGGED.replace('-', '_')}": {"model": {"info": info}}}


@pytest.mark.parametrize("status", ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_UPLOAD_FAILED", ""])
def test_only_what_is_ready_is_registered(status: str) -> None:
    """Its files may be written until then."""
    resources = (ResourceScope("models/mine", ALL), ResourceScope("experiments/7", ALL))
    body = {"name": "mine", "source": f"models:/{LOGGED}"}
    for answers, refusal in ((logged("LOGGED_MODEL_READY"), None), (logged(status), Reason.REFERENCE_NOT_GRANTED)):
        prepared, _ = Played(*resources, **answers).ask("POST", f"{M}model-versions/create", body)
        assert prepared.refusal is refusal
    elsewhere = logged(status, experiment_id="8")
    prepared, _ = Played(*resources, **elsewhere).ask("POST", f"{M}model-versions/create", body)
    assert prepared.refusal is Reason.OUT_OF_SCOPE


def test_files_of_what_was_registered_before_it_was_ready_do_not_change() -> None:
    def put(*listed: object, **more: object) -> Reason | None:
        tags = [{"key": "mlflow.modelVersions", "value": json.dumps(listed)}, {"key": "a", "value": "b"}]
        return Played(ResourceScope("experiments/7", ALL), **logged(tags=tags, **more)).ask("PUT", FILE)[0].refusal

    assert put() is None
    assert put({"name": "theirs", "version": "1"}) is Reason.REFERENCE_NOT_GRANTED
    assert put(registrations=[{"name": "theirs", "version": "1"}]) is Reason.REFERENCE_NOT_GRANTED


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "model-versions/create", NEW_VERSION | {"source": "models:/m-" + "2" * 32}),
        ("POST", "model-versions/create", {"name": "mine", "source": "models:/mine/1", "run_id": "theirs"}),
        ("POST", "model-versions/create", {"name": "mine", "source": "models:/mine/1", "model_id": "theirs"}),
        ("POST", "model-versions/create", NEW_VERSION | {"model_id": "m-" + "2" * 32, "source": f"models:/{LOGGED}"}),
        ("PATCH", f"logged-models/{LOGGED}", {"model_id": "m-" + "2" * 32, "status": "LOGGED_MODEL_READY"}),
    ],
)
def test_a_model_is_named_once(method: str, path: str, body: object) -> None:
    world = Played(ResourceScope("models/mine", ALL), ResourceScope("experiments/7", ALL))
    with pytest.raises(Unclassified) as caught:
        world.ask(method, M + path, body)
    assert caught.value.reason is Reason.MALFORMED_REQUEST


def test_one_request_asks_about_so_many_ids() -> None:
    models = [f"m-{number:032x}" for number in range(9)]
    answers = {
        f"logged_models_{name.replace('-', '_')}": {"model": {"info": {
            "model_id": name, "experiment_id": "7", "artifact_uri": f"mlflow-artifacts:/7/models/{name}/artifacts",
        }}} for name in models
    }  # fmt: skip
    world = Played(ResourceScope("experiments/7", ALL), **RUNS, **answers)

    def batch(count: int) -> object:
        metrics = [{"key": "k", "value": 1.0, "timestamp": 1, "model_id": name} for name in models[:count]]
        return {"run_id": RUN, "metrics": metrics}

    assert world.ask("POST", f"{M}runs/log-batch", batch(7))[0] == Prepared()
    assert world.ask("POST", f"{M}runs/log-batch", batch(9))[0].refusal is Reason.REQUEST_TOO_LARGE


def test_versions_that_no_alias_of_the_grant_means_are_not_told() -> None:
    says = told(registered_models_alias={"model_version": {"name": "mine", "version": "3"}})
    world = Played(ResourceScope("models/mine", ALL, tags=("best",)), **says)
    world.ask("GET", DOWNLOAD)
    versions = [{"name": name, "version": number} for name, number in (("mine", "3"), ("mine", "4"), ("other", "3"))]
    model = {"registered_model": {"name": "mine", "latest_versions": versions}}
    assert answered(world, LOOK, model)["registered_model"] == {"name": "mine", "latest_versions": versions[:1]}


def test_pages_of_a_search_tell_nothing_of_what_is_not_shown() -> None:
    part = Played(ResourceScope("models/mine", ALL, tags=("1", "3", "4")))
    rows = [{"name": "mine", "version": str(number)} for number in range(1, 6)]
    path, found = f"{M}model-versions/search?max_results=2", {"model_versions": rows}
    first = answered(part, path, found)
    assert first == {"model_versions": [rows[0], rows[2]], "next_page_token": "2"}
    assert answered(part, f"{path}&page_token=2", found) == {"model_versions": [rows[3]]}
    assert answered(part, path, {"model_versions": rows[1:3]}) == {"model_versions": [rows[2]]}
    assert answered(part, path, found | {"next_page_token": "theirs"}) == {}, "there were more than it was asked for"
    whole = Played(ResourceScope("models/mine", ALL))
    there = found | {"next_page_token": "theirs"}
    assert answered(whole, path, there) == there


def test_a_search_that_would_tell_of_other_versions_is_refused() -> None:
    path = f"{M}model-versions/search?filter=tags.codename%20LIKE%20%27z%25%27"
    assert Played(ResourceScope("models/mine", ALL)).ask("GET", path)[0] == Prepared()
    prepared, _ = Played(ResourceScope("models/mine", ALL, tags=("1",))).ask("GET", path)
    assert prepared.refusal is Reason.REFERENCE_NOT_GRANTED
    assert prepared.answer is not None
    assert b"version_number" in prepared.answer.body


def test_an_answer_is_about_what_was_asked() -> None:
    world = Played(ResourceScope("models/mine", ALL))
    mine = {"name": "mine", "version": "3"}
    assert answered(world, VERSION, {"model_version": mine}) == {"model_version": mine}
    for other in ({"name": "theirs"}, {"version": "4"}):
        assert answered(world, VERSION, {"model_version": mine | other}) == {}
    assert answered(world, LOOK, {"registered_model": {"name": "theirs"}}) == {}


def test_names_of_others_are_not_told() -> None:
    world = Played(ResourceScope("models/mine", ALL, tags=("3", "best")))
    version = {"name": "mine", "version": "3", "aliases": ["best", "hidden"], "source": "models:/theirs/1"}
    told_of = answered(world, VERSION, {"model_version": version})["model_version"]
    assert told_of == {"name": "mine", "version": "3", "aliases": ["best"], "source": ""}
    both = Played(ResourceScope("models/mine", ALL), ResourceScope("models/theirs", ALL))
    assert answered(both, VERSION, {"model_version": version})["model_version"] == version
    info = {
        "model_id": LOGGED, "experiment_id": "7", "artifact_uri": f"mlflow-artifacts:/{FOLDER}",
        "registrations": [{"name": "theirs", "version": "1"}],
        "tags": [{"key": "mlflow.modelVersions", "value": json.dumps([
            {"name": name, "version": version} for name, version in (("mine", "3"), ("mine", 4), ("theirs", "1"))
        ])}],
    }  # fmt: skip
    says = {f"logged_models_{LOGGED.replace('-', '_')}": {"model": {"info": info}}}
    world = Played(ResourceScope("experiments/7", ALL), ResourceScope("models/mine", ALL), **says)
    seen = answered(world, f"{M}logged-models/{LOGGED}", {"model": {"info": info}})
    assert "theirs" not in json.dumps(seen)
    assert versions_in(seen) == ["3", 4]
    part = Played(ResourceScope("experiments/7", ALL), ResourceScope("models/mine", ALL, tags=("3",)), **says)
    assert versions_in(answered(part, f"{M}logged-models/{LOGGED}", {"model": {"info": info}})) == ["3"]


def versions_in(seen: Any) -> list[object]:
    """What a logged model is said to be registered as."""
    (tag,) = seen["model"]["info"]["tags"]
    return [pair["version"] for pair in json.loads(tag["value"])]


def test_a_listing_of_files_holds_names_and_only_granted_ones() -> None:
    world = Played(ResourceScope("models/mine", ALL, files=("a/*", "MLmodel")), **told())
    world.ask("GET", DOWNLOAD)
    names = ["MLmodel", "weights.pkl", "..", "x/y", ""]
    files = [{"path": name, "is_dir": False} for name in names]
    folders = [{"path": name, "is_dir": True} for name in ("a", "b", "..")]
    seen = answered(world, f"api/2.0/mlflow-artifacts/artifacts?path={FOLDER}", {"files": files + folders})
    assert [item["path"] for item in seen["files"]] == ["MLmodel", "a"]  # type: ignore[attr-defined]
    whole = Played(ResourceScope("models/mine", ALL), **told())
    whole.ask("GET", DOWNLOAD)
    seen = answered(whole, f"api/2.0/mlflow-artifacts/artifacts?path={FOLDER}", {"files": files + folders})
    assert [item["path"] for item in seen["files"]] == ["MLmodel", "weights.pkl", "a", "b"]  # type: ignore[attr-defined]


def test_what_is_no_answer_of_a_tracking_server_is_not_passed_on() -> None:
    dialect = MlflowDialect()
    asked = Asked(FACTS, head("GET", "version"), dialect.classify(head("GET", "version")))
    assert dialect.judge_body(asked, Judgement(), 200, b"3.17.2").refusal is None
    assert dialect.judge_body(asked, Judgement(), 200, b"<script>").refusal is Reason.UPSTREAM_BROKEN
    for status in (201, 204, 302):
        answer = ResponseHead(status, (), 0, keep_alive=True)
        assert dialect.judge_head(asked, answer, None).refusal is Reason.UPSTREAM_BROKEN
    assert dialect.judge_head(asked, OK, None).refusal is None


def test_the_servers_own_words_are_not_passed_on() -> None:
    world = Played(ResourceScope("models/mine", ALL))
    _, asked = world.ask("GET", VERSION)
    for code in ("RESOURCE_DOES_NOT_EXIST", "MADE_UP"):
        body = json.dumps({"error_code": code, "message": "theirs"}).encode()
        answer = world.dialect.judge_body(asked, Judgement(), 404, body).answer
        assert answer is not None
        assert (b"theirs" in answer.body, b"MADE_UP" in answer.body) == (False, False)


def test_the_list_of_versions_is_left_to_the_server() -> None:
    says = {f"logged_models_{LOGGED.replace('-', '_')}": {"model": {"info": {
        "model_id": LOGGED, "experiment_id": "7", "artifact_uri": f"mlflow-artifacts:/{FOLDER}", "status": "x",
    }}}}  # fmt: skip
    world, path = Played(ResourceScope("experiments/7", ALL), **says), f"{M}logged-models/{LOGGED}/tags"
    mine, theirs = {"key": "mlflow.modelVersions", "value": "[]"}, {"key": "a", "value": "b"}
    assert world.ask("PATCH", path, {"tags": [theirs]})[0] == Prepared()
    done = world.ask("PATCH", path, {"tags": [mine]})[0].answer
    assert done is not None
    assert done.status == 200
    both = world.ask("PATCH", path, {"tags": [mine, theirs]})[0].answer
    assert both is not None
    assert both.status == 400
    create = {"experiment_id": "7", "name": "m"}
    for tags, refusal in (
        ([theirs], None),
        ([mine], Reason.MALFORMED_REQUEST),
        ([mine, theirs], Reason.MALFORMED_REQUEST),
    ):
        assert world.ask("POST", f"{M}logged-models", create | {"tags": tags})[0].refusal is refusal
