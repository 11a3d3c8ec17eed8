"""MLflow's table of routes, what a request asks of the gate, and what has to be learned first. No socket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from registry_proxy.edge.head import read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.edge.target import check_target
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange.events import UnexpectedEvent
from registry_proxy.exchange.machine import Exchange
from registry_proxy.gate.questions import refuse_wanted
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Fetched, Judgement, Preparation, Prepared
from registry_proxy.protocols.dialects import Dialects
from registry_proxy.protocols.mlflow.dialect import MlflowDialect
from registry_proxy.protocols.mlflow.fields import objects, read_object, text
from registry_proxy.protocols.mlflow.memory import MAX_KEYS, Memory
from registry_proxy.protocols.mlflow.names import canonical_path
from registry_proxy.protocols.mlflow.searching import TellsTooMuch, narrowed
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import RefKind, Wanted
from tests.support.mlflow.played import (
    ADMIN,
    ALL,
    DELETE,
    FACTS,
    LOGGED,
    LOOK,
    OK,
    PROMOTE,
    PULL,
    PUSH,
    RULES,
    RUN,
    RUNS,
    M,
    Played,
    head,
)


def wanted_of(method: str, path: str, body: object = None) -> tuple[tuple[str, str, str, RefKind], ...]:
    _, asked = Played(ResourceScope("models/mine", ALL)).ask(method, path, body)
    return tuple(
        (item.operation.value, item.repository, item.reference, item.reference_kind) for item in asked.classified.wanted
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"),
    [
        ("GET", "registered-models/get?name=mine", None, (PULL, "", RefKind.NONE)),
        ("GET", "registered-models/get-latest-versions?name=mine&stages=a&stages=b", None, (PULL, "", RefKind.NONE)),
        ("GET", "registered-models/alias?name=mine&alias=best", None, (PULL, "best", RefKind.TAG)),
        ("GET", "model-versions/get?name=mine&version=3", None, (PULL, "3", RefKind.COMMIT)),
        ("GET", "model-versions/get-download-uri?version=3&name=mine", None, (PULL, "3", RefKind.COMMIT)),
        ("POST", "registered-models/create", {"name": "mine"}, (PUSH, "", RefKind.TAG)),
        ("PATCH", "registered-models/update", {"name": "mine"}, (PUSH, "", RefKind.TAG)),
        ("DELETE", "registered-models/delete", {"name": "mine"}, (ADMIN, "", RefKind.TAG)),
        ("DELETE", "registered-models/alias", {"name": "mine", "alias": "best"}, (PROMOTE, "best", RefKind.TAG)),
        ("PATCH", "model-versions/update", {"name": "mine", "version": "3"}, (PUSH, "3", RefKind.TAG)),
        ("DELETE", "model-versions/delete", {"name": "mine", "version": "3"}, (DELETE, "3", RefKind.TAG)),
    ],
)  # fmt: skip
def test_each_request_is_one_question(
    method: str, path: str, body: object, wanted: tuple[Operation, str, RefKind]
) -> None:
    operation, reference, kind = wanted
    check_target(f"/mlflow/tracking/{M}{path}".encode(), RULES)
    assert wanted_of(method, M + path, body) == ((operation.value, "models/mine", reference, kind),)


def test_an_alias_and_a_stage_are_asked_by_name_with_their_version() -> None:
    alias = {"name": "mine", "alias": "best", "version": "3"}
    stage = {"name": "mine", "version": "3", "stage": "production"}
    three = (PROMOTE.value, "models/mine", "3", RefKind.TAG)
    assert wanted_of("POST", f"{M}registered-models/alias", alias) == (
        (PROMOTE.value, "models/mine", "best", RefKind.TAG),
        three,
    )
    production = (PROMOTE.value, "models/mine", "Production", RefKind.TAG)
    path = f"{M}model-versions/transition-stage"
    assert wanted_of("POST", path, stage) == (three, production)
    assert wanted_of("POST", path, stage | {"archive_existing_versions": False}) == (three, production)
    whole = (PROMOTE.value, "models/mine", "", RefKind.TAG)
    assert wanted_of("POST", path, stage | {"archive_existing_versions": True}) == (three, production, whole)
    for wrong in ({"stage": "PRODUCTION"}, {"stage": "live"}, {"archive_existing_versions": "true"}, {"version": "x"}):
        with pytest.raises(Unclassified):
            wanted_of("POST", path, stage | wrong)
    for missing in ("name", "version", "stage"):
        with pytest.raises(Unclassified):
            wanted_of("POST", path, {key: value for key, value in stage.items() if key != missing})
    for missing in alias:
        with pytest.raises(Unclassified):
            wanted_of("POST", f"{M}registered-models/alias", {key: alias[key] for key in alias if key != missing})


def test_a_model_is_renamed_by_whoever_administers_both_names() -> None:
    world = Played(ResourceScope("models/mine", ALL), ResourceScope("models/new", ALL))
    _, asked = world.ask("POST", f"{M}registered-models/rename", {"name": "mine", "new_name": "new"})
    assert [(item.repository, item.operation, item.reference_kind) for item in asked.classified.wanted] == [
        ("models/mine", ADMIN, RefKind.TAG),
        ("models/new", ADMIN, RefKind.TAG),
    ]
    for body in ({"name": "mine"}, {"name": "mine", "new_name": "a/b"}, {"name": "mine", "new_name": ""}):
        with pytest.raises(Unclassified):
            world.ask("POST", f"{M}registered-models/rename", body)
    assert world.dialect.judge_body(asked, Judgement(), 200, b'{"registered_model":{"name":"new"}}').refusal is None
    other = world.dialect.judge_body(asked, Judgement(), 200, b'{"registered_model":{"name":"mine"}}')
    assert other.refusal is Reason.UPSTREAM_BROKEN


SEEN = {"name": "mine", "description": "secret", "latest_versions": [], "aliases": [{"alias": "a", "version": "1"}]}


@pytest.mark.parametrize(
    ("held", "asked_as"),
    [
        ({PULL}, PULL), ({PULL, ADMIN}, PULL), ({PUSH}, PUSH), ({PUSH, DELETE}, PUSH), ({DELETE}, DELETE),
        ({PROMOTE}, PROMOTE), ({ADMIN}, ADMIN),
    ],
)  # fmt: skip
def test_a_look_at_a_model_is_asked_as_what_one_may_do_with_it(held: set[Operation], asked_as: Operation) -> None:
    """The client looks before each change. Who may not pull sees the name, and that is what they asked with."""
    world = Played(ResourceScope("models/mine", frozenset(held)))
    _, asked = world.ask("GET", LOOK)
    assert [(item.repository, item.operation) for item in asked.classified.wanted] == [("models/mine", asked_as)]
    body = json.dumps({"registered_model": SEEN}).encode()
    answer = world.dialect.judge_body(asked, Judgement(), 200, body).answer
    assert answer is not None
    assert (b"secret" in answer.body) is (PULL in held)
    assert json.loads(answer.body)["registered_model"]["name"] == "mine"


def test_a_look_at_what_is_not_granted_is_a_pull_that_the_gate_refuses() -> None:
    world = Played(ResourceScope("models/other", ALL), ResourceScope("experiments/7", ALL))
    _, asked = world.ask("GET", LOOK)
    assert asked.classified.wanted == (Wanted("tracking", "models/mine", PULL, "", RefKind.NONE, ""),)
    stranger = world.dialect.classify(head("GET", LOOK))
    assert not stranger.wanted
    answer = world.dialect.refusal(Reason.TOKEN_REVOKED, FACTS, stranger)
    assert b"/request?resource=tracking/models/mine&operation=pull" in answer.body


def test_a_copy_asks_for_its_source_too() -> None:
    body = {"name": "mine", "source": "models:/theirs/2", "run_id": RUN}
    world = Played(ResourceScope("models/mine", ALL), ResourceScope("models/theirs", ALL))
    _, asked = world.ask("POST", f"{M}model-versions/create", body)
    assert [(item.repository, item.operation, item.reference) for item in asked.classified.wanted] == [
        ("models/mine", PUSH, ""),
        ("models/theirs", PULL, "2"),
    ]
    assert asked.notes == {"copied_from": "models/theirs", "copied_version": "2"}


COPY = {"name": "mine", "source": "models:/theirs/2"}


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [({}, None), ({"tags": ("2",)}, None), ({"files": ("*.json",)}, Reason.FILE_NOT_GRANTED)],
)
def test_a_copy_takes_all_files_along(limits: dict[str, tuple[str, ...]], refusal: Reason | None) -> None:
    """Under the new name, whoever may read that reads all of it."""
    world = Played(ResourceScope("models/mine", ALL), ResourceScope("models/theirs", frozenset({PULL}), **limits))
    _, asked = world.ask("POST", f"{M}model-versions/create", COPY)
    assert refuse_wanted(world.admission.view, asked.classified.wanted) is refusal
    _, read = world.ask("GET", f"{M}model-versions/get?name=theirs&version=2")
    assert refuse_wanted(world.admission.view, read.classified.wanted) is None


def test_a_copy_does_not_get_past_a_rule_for_kinds_of_files() -> None:
    world = Played(ResourceScope("models/mine", ALL), ResourceScope("models/theirs", ALL))
    world.ask("POST", f"{M}model-versions/create", COPY)
    world.limit(refused_files=("pickle",))
    with pytest.raises(Unclassified) as caught:
        world.ask("POST", f"{M}model-versions/create", COPY)
    assert caught.value.reason is Reason.FILE_TYPE_REFUSED
    world.ask("PATCH", f"{M}registered-models/update", {"name": "mine"})


@pytest.mark.parametrize(
    "path",
    [
        "registered-models/get?name=mine&name=theirs",
        "registered-models/get?name=mine&registered_model=x",
        "registered-models/get",
        "registered-models/get?name=a/b",
        "registered-models/get?name=../b",
        "model-versions/get?name=mine&version=03",
        "model-versions/get?name=mine&version=latest",
        "registered-models/alias?name=mine&alias=3",
        "runs/get?run_id=" + RUN + "&run_uuid=" + "f" * 32,
        "runs/get",
        "runs/get?run_id=..",
        "experiments/get?experiment_id=0x1",
        "logged-models/" + LOGGED + "?x=1",
    ],
)
def test_a_query_has_one_reading(path: str) -> None:
    with pytest.raises(Unclassified) as caught:
        Played(ResourceScope("models/mine", ALL)).ask("GET", M + path)
    assert caught.value.http_status == 400


@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("PATCH", ""), ("PATCH", "/tags"), ("POST", "/params")])
def test_a_logged_model_has_one_address(method: str, rest: str) -> None:
    dialect, path = MlflowDialect(), f"{M}logged-models/{LOGGED}{rest}"
    assert dialect.classify(head(method, path)).upstream_target == b"/" + path.encode()
    for other in (f"{path}/", f"{path}//"):
        with pytest.raises(Unclassified) as caught:
            dialect.classify(head(method, other))
        assert caught.value.http_status == 404


def test_what_reads_has_no_body_and_what_writes_no_query() -> None:
    dialect = MlflowDialect()
    for request in (
        head("GET", f"{M}registered-models/get?name=mine", 5),
        head("GET", "health", 5),
        head("POST", f"{M}registered-models/create?name=mine", 5),
    ):
        with pytest.raises(Unclassified):
            dialect.classify(request)


def test_a_body_is_read_only_for_those_who_are_let_in() -> None:
    prepared, _ = Played(ResourceScope("models/mine", ALL)).ask(
        "POST", f"{M}registered-models/create", {"name": "mine"}
    )
    assert prepared == Prepared()


@pytest.mark.parametrize("limits", [{"tags": ("1",)}, {"files": ("*",)}, {"digests": ("sha256:" + "ab" * 32,)}])
def test_a_limit_that_means_nothing_here_opens_nothing(limits: dict[str, tuple[str, ...]]) -> None:
    path = f"{M}experiments/get?experiment_id=7"
    assert Played(ResourceScope("experiments/7", ALL)).ask("GET", path)[0] == Prepared()
    with pytest.raises(Unclassified) as caught:
        Played(ResourceScope("experiments/7", ALL, **limits)).ask("GET", path)
    assert caught.value.reason is Reason.REFERENCE_NOT_GRANTED
    version = f"{M}model-versions/get?name=mine&version=1"
    assert Played(ResourceScope("models/mine", ALL, tags=("1",))).ask("GET", version)[0] == Prepared()
    with pytest.raises(Unclassified):
        Played(ResourceScope("models/mine", ALL, tags=("1",), digests=("sha256:" + "ab" * 32,))).ask("GET", version)


def test_another_target_is_refused_before_its_body_is_read() -> None:
    world = Played(ResourceScope("models/mine", ALL), target="second")
    with pytest.raises(Unclassified) as caught:
        world.ask("POST", f"{M}registered-models/create", {"name": "mine"})
    assert caught.value.reason is Reason.OUT_OF_SCOPE
    assert not world.fetches


def test_a_search_stays_among_granted_models() -> None:
    scope = make_scope([
        ResourceScope("models/a", frozenset({PULL})), ResourceScope("models/b", frozenset({PULL, PUSH})),
        ResourceScope("models/c", frozenset({PUSH})), ResourceScope("experiments/7", ALL),
    ])  # fmt: skip
    assert narrowed((("filter", "x = '1'"), ("max_results", "5")), scope, "versions") == (
        ("filter", "name IN ('a', 'b') AND x = '1'"),
        ("max_results", "5"),
    )
    assert narrowed((), make_scope([ResourceScope("models/a", ALL)]), "models") == (("filter", "name = 'a'"),)
    assert narrowed((), make_scope([ResourceScope("experiments/7", ALL)]), "models") is None


PART = make_scope([ResourceScope("models/a", ALL, tags=("1",)), ResourceScope("models/b", ALL)])


@pytest.mark.parametrize("route", ["models", "versions"])
@pytest.mark.parametrize(
    ("theirs", "is_taken"),
    [
        ("", True), ("name = 'a'", True), ("name LIKE 'a%' AND version_number >= 2", True),
        ("name IN ('a', 'b')", True),
        ("name='a' AND tag.`mlflow.prompt.is_prompt` != 'true'", True), ("tags.codename LIKE 'z%'", False),
        ("name = 'a' AND tags.owner = 'x'", False), ("source_path LIKE '%'", False), ("run_id IN ('x')", False),
        ("name = 'a' -- ", False), ("name = 'a--b'", False), ("name = 'a' OR name = 'b'", False),
        ("name = 'a' AND", False), ("name = 'a\\'", False), ("aliases = 'x'", False),
    ],
)  # fmt: skip
def test_a_part_of_a_model_is_searched_by_names_and_numbers(theirs: str, is_taken: bool, route: str) -> None:
    """Any other condition is a question about versions that are not shown."""
    query = (("filter", theirs),) if theirs else ()
    whole = make_scope([ResourceScope("models/a", ALL)])
    assert narrowed(query, whole, route) is not None
    if not is_taken:
        with pytest.raises(TellsTooMuch):
            narrowed(query, PART, route)
        return
    found = dict(narrowed(query, PART, route) or ())
    assert found["filter"] == "name IN ('a', 'b')" + (f" AND {theirs}" if theirs else "")


def test_a_part_of_a_model_is_ordered_by_names_and_numbers() -> None:
    def search(*query: tuple[str, str]) -> object:
        return narrowed(query, PART, "versions")

    asked = (("order_by", "name ASC"), ("order_by", "version_number DESC"), ("max_results", "1"), ("page_token", "2"))
    assert search(*asked) == (("filter", "name IN ('a', 'b')"), *asked[:2], ("max_results", "10000"))
    for pair in (("order_by", "tags.x"), ("order_by", "last_updated_timestamp"), ("page_token", "eyJvZmZzZXQiOjF9"),
                 ("page_token", "-1"), ("max_results", "0"), ("max_results", "x")):  # fmt: skip
        with pytest.raises(TellsTooMuch):
            search(pair)


@pytest.mark.parametrize("bad", ["%2fx", "%2Fx", "%2e%2e/x", "%25", "%5C", "a%0A", "a;b", "a%41", "%c3", "..", "//x"])
def test_a_path_has_one_spelling(bad: str) -> None:
    path = f"api/2.0/mlflow-artifacts/artifacts/7/models/x/{bad}"
    with pytest.raises((EdgeRefusal, Unclassified)):
        judge_path(path)
    judge_path("api/2.0/mlflow-artifacts/artifacts/7/models/x/a%20b+c.bin")


def judge_path(path: str) -> None:
    """By the edge, and then by the table."""
    check_target(f"/mlflow/tracking/{path}".encode(), RULES)
    MlflowDialect().classify(head("GET", path))


def test_delete_has_a_body_only_where_a_protocol_reads_it() -> None:
    limits = EdgeLimits(paths=RULES, deleting=Dialects().deleting)
    raw = b"DELETE /%b/x/api HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n"
    assert read_head(raw % b"mlflow", limits).length == 2
    assert read_head(raw % b"hf", limits).length == 2
    for door in (b"v2", b"hf2", b"mlflow2", b"s3"):
        with pytest.raises(EdgeRefusal):
            read_head(raw % door, limits)
    with pytest.raises(EdgeRefusal):
        read_head((raw % b"mlflow").replace(b"DELETE", b"GET"), limits)


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "..", "a/../b", "a/./b", "a%2e", "a\\b", "a\n", "a" * 1001])
def test_a_path_that_has_two_readings_is_not_taken(path: str) -> None:
    assert canonical_path("a/b c") == "a/b c"
    with pytest.raises(Unclassified):
        canonical_path(path)


@given(st.text(max_size=30))
def test_a_path_that_is_taken_has_no_way_out(path: str) -> None:
    try:
        taken = canonical_path(path)
    except Unclassified:
        return
    assert taken == path
    assert not {"", ".", ".."} & set(taken.split("/"))
    assert not set("%\\\n\x00") & set(taken)


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"mine","name":"theirs"}', b'{"name":"mine","modelId":"x"}', b'["name"]', b'"name"', b"",
        b'{"name":1}', b'{"tags":[{"key":"a","more":"b"}]}', b'{"tags":["a"]}', b'{"tags":[{"key":1}]}',
        '{"name":"mine"}'.encode("utf-16"), b"\xef\xbb\xbf{}", b'{"name":"a"} {}', b"[" * 9000,
    ],
)  # fmt: skip
def test_a_body_has_one_reading(body: bytes) -> None:
    shapes = {"name": text(), "tags": objects(2, key=text())}
    assert read_object(b'{"name":"mine","tags":[{"key":"a"}]}', shapes) == {"name": "mine", "tags": [{"key": "a"}]}
    with pytest.raises(Unclassified):
        read_object(body, shapes)


@given(st.binary(max_size=60))
def test_no_body_makes_the_reader_fail_otherwise(body: bytes) -> None:
    try:
        found = read_object(body, {"name": text()})
    except Unclassified:
        return
    assert set(found) <= {"name"}


def test_memory_is_bounded() -> None:
    memory = Memory()
    for index in range(MAX_KEYS + 1):
        memory.place("tracking", str(index), "7")
    assert (memory.experiment("tracking", "0"), memory.experiment("tracking", "1")) == ("", "7")


class Endless(MlflowDialect):
    """A dialect with a bug: it never has enough."""

    def preparation(self, asked: Asked) -> Preparation:
        yield from ()
        return Prepared(asks_again=True)


def test_the_gate_is_asked_again_once_and_its_yes_recorded() -> None:
    """I1: what was learned is judged, and durable, before the registry is asked about it."""
    world = Played(ResourceScope("experiments/7", ALL))
    admitted, request = world.admission, head("GET", f"{M}runs/get?run_id={RUN}")
    exchange = Exchange(FACTS, MlflowDialect())
    exchange.receive(on.RequestRead(request))
    exchange.receive(on.Admitted(admitted, 0.0))
    (fetch,) = exchange.receive(on.Recorded())
    assert isinstance(fetch, do.Fetch)
    (asks,) = exchange.receive(Fetched(OK, json.dumps(RUNS["runs_get"]).encode()))
    assert isinstance(asks, do.AskGate)
    assert asks.wanted == (Wanted("tracking", "experiments/7", PULL),)
    (record,) = exchange.receive(on.Admitted(admitted, 0.0))
    assert isinstance(record, do.Record)
    assert record.fields["repository"] == "experiments/7"
    (opening,) = exchange.receive(on.Recorded())
    assert isinstance(opening, do.OpenUpstream)


def test_a_preparation_that_never_ends_is_a_bug() -> None:
    admitted = Played(ResourceScope("experiments/7", ALL)).admission
    exchange = Exchange(FACTS, Endless())
    exchange.receive(on.RequestRead(head("GET", f"{M}runs/get?run_id={RUN}")))
    exchange.receive(on.Admitted(admitted, 0.0))
    exchange.receive(on.Recorded())
    exchange.receive(on.Admitted(admitted, 0.0))
    with pytest.raises(UnexpectedEvent):
        exchange.receive(on.Recorded())
