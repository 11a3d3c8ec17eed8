"""The table of a hub's routes: what each request asks of the gate, and which commit a grant's revision means."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.edge.target import check_target
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.dialect import Fetch, Fetched, Pin, Pinned, Prepared
from registry_proxy.protocols.dialects import Dialects
from registry_proxy.protocols.hf.dialect import HubDialect
from registry_proxy.protocols.hf.listings import Unusable, clean
from registry_proxy.protocols.hf.pinning import pin
from registry_proxy.protocols.hf.pins import PinStore
from registry_proxy.protocols.hf.routes import classify
from registry_proxy.protocols.hf.seals import Sealer, UploadPlace
from registry_proxy.protocols.hf.uploads import answer_for
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Admission, RefKind, Wanted, reference_refusal
from tests.support.views import make_token, make_view

PULL = frozenset({Operation.PULL})
NAME, SHA, LATER = "models/Org/Name", "a" * 40, "b" * 40
RULES = Dialects().paths


@pytest.mark.parametrize(
    ("method", "path", "wanted", "forwarded"),
    [
        ("GET", "Org/Name/resolve/main/a.bin", (NAME, "main", RefKind.TAG, "a.bin"), None),
        ("HEAD", f"Org/Name/resolve/{SHA}/a/b%20c", (NAME, SHA, RefKind.COMMIT, "a/b c"), None),
        ("GET", "Org/Name/resolve/refs%2Fpr%2F1/x", (NAME, "refs/pr/1", RefKind.TAG, "x"), None),
        ("GET", "gpt2/resolve/main/x", ("models/gpt2", "main", RefKind.TAG, "x"), None),
        ("GET", "datasets/Org/Name/resolve/v1/x", ("datasets/Org/Name", "v1", RefKind.TAG, "x"), None),
        ("GET", "spaces/Org/Name/resolve/v1/x", ("spaces/Org/Name", "v1", RefKind.TAG, "x"), None),
        ("GET", "api/models/Org/Name", (NAME, "main", RefKind.TAG, ""), None),
        ("GET", "api/models/Org/Name/revision/v1?blobs=true", (NAME, "v1", RefKind.TAG, ""), None),
        ("GET", "api/models/Org/Name/tree/v1/a%2Fb?recursive=true", (NAME, "v1", RefKind.TAG, ""), None),
        ("GET", "api/models/Org/Name/tree/v1", (NAME, "v1", RefKind.TAG, ""), None),
        ("GET", "api/models/Org/Name/refs?include_prs=1", (NAME, "", RefKind.NONE, ""), None),
        ("GET", "api/models/Org/Name/commits/v1?p=1", (NAME, "v1", RefKind.TAG, ""), None),
        ("POST", "api/models/Org/Name/paths-info/v1", (NAME, "v1", RefKind.TAG, ""), None),
        ("GET", "api/models/Org/Name/auth-check", (NAME, "", RefKind.NONE, ""), ""),
    ],
)  # fmt: skip
def test_each_read_is_one_question(
    method: str, path: str, wanted: tuple[str, str, RefKind, str], forwarded: str | None
) -> None:
    target = f"/hf/hub/{path}".encode()
    check_target(target, RULES)
    classified = classify(method, target)
    repository, reference, kind, file = wanted
    assert classified.wanted == (Wanted("hub", repository, Operation.PULL, reference, kind, file),)
    assert classified.upstream_target == (f"/{path}" if forwarded is None else forwarded).encode()


def test_who_asks_needs_no_repository() -> None:
    assert classify("GET", b"/hf/hub/api/whoami-v2").wanted == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "Org/Name/resolve/main/a"), ("DELETE", "api/models/Org/Name/revision/main"),
        ("POST", "api/models/Org/Name/branch/x"), ("GET", "api/models/Org/Name/paths-info/v1"),
        ("GET", "api/models"), ("GET", "api/kernels/Org/Name"), ("GET", "api/models/Org/Name/xet-read-token/main"),
        ("GET", "api/models/Org/Name/discussions"), ("GET", "api/models/Org/Name/refs/x"), ("GET", "api"),
        ("GET", "api/models/Org/Name/commits/v1/x"), ("GET", "Org/Name"), ("GET", "Org/Name/raw/main/a"),
        ("GET", "Org/Name.git/resolve/main/a"), ("GET", "Org/Name/x/resolve/main/a"), ("GET", "Org/Name/resolve/main"),
        ("GET", "api/models/Org/Name/revision/tree"), ("GET", "Org/resolve/resolve/main/a"),
        ("GET", "models/Org/resolve/a/b/c"),
        ("GET", "api/models/Org/Name/revision/a%2F..%2Fb"), ("GET", "Org/Na..me/resolve/main/a"),
        ("GET", "Org/Name/resolve/main/a%2Fb"), ("GET", "Org/Name/resolve/main/%FF"),
        ("GET", "Org/Name/resolve/main/a%0Ab"),
        ("GET", "api/models/Org/Name/tree/main/"), ("GET", "api/models/Org/Name/tree/main/a/"),
        ("GET", "api/models/Org/Name/"), ("GET", "api/models/Org/Name/revision/main/"),
        ("GET", "api/models/Org/Name?search=x"), ("GET", "api/models/Org/Name/tree/v1?recursive=1&recursive=0"),
        ("GET", "Org/Name/resolve/main/a?X-Amz=1"), ("GET", f"Org/{'n' * 200}/resolve/main/a"),
        ("GET", f"Org/Name/resolve/{'r' * 129}/a"),
    ],
)  # fmt: skip
def test_whatever_is_not_in_the_table_is_refused(method: str, path: str) -> None:
    assert classify("GET", b"/hf/hub/Org/Name/resolve/main/a").wanted
    with pytest.raises(Unclassified):
        classify(method, f"/hf/hub/{path}".encode())


@pytest.mark.parametrize("slug", ["", "Hub", "a--b", "-a", "a" * 65, "a%2Fb"])
def test_a_target_has_one_spelling(slug: str) -> None:
    with pytest.raises(Unclassified):
        classify("GET", f"/hf/{slug}/Org/Name/resolve/main/a".encode())


@pytest.mark.parametrize("bad", [
    "%2f", "%2e", "%2E", "%61", "%41", "%30", "%2D", "%5F", "%7E", "%25", "%5C", "%5c", "%00", "%0A", "%7F", "%", "%2",
    "%zz",
    "+", "!", "a//b", "/../b", "/./b", "/..", "\\", ";", "\x7f", "é",
])  # fmt: skip
def test_a_path_of_a_hub_has_one_spelling(bad: str) -> None:
    """What stands for itself may not come encoded, and the other way round; nothing may be decoded twice."""
    check_target(b"/hf/hub/Org/Name/resolve/refs%2Fpr%2F1/a%20%C3%BC%2B", RULES)
    with pytest.raises(EdgeRefusal):
        check_target(f"/hf/hub/Org/Name/resolve/main/a{bad}".encode(), RULES)


def test_no_other_protocol_takes_escapes() -> None:
    check_target(b"/v2/hub/a/manifests/x", RULES)
    for path in (b"/v2/hub/a%20/manifests/x", b"/hf2/hub/a%20", b"/HF/hub/a%20", b"/hf%2Fhub/a"):
        with pytest.raises(EdgeRefusal):
            check_target(path, RULES)


@given(st.text(min_size=1, max_size=12))
def test_a_file_is_judged_as_the_hub_will_read_it(name: str) -> None:
    """What the client quotes and the gateway lets through is decoded to the very name that the gate is asked about."""
    try:
        target = f"/hf/hub/Org/Name/resolve/main/{quote(name)}".encode()
    except UnicodeEncodeError:
        return
    try:
        check_target(target, RULES)
        classified = classify("GET", target)
    except (EdgeRefusal, Unclassified):
        return
    assert classified.wanted[0].file == name
    assert classified.upstream_target == target.removeprefix(b"/hf/hub")


def scope(*tags: str, files: tuple[str, ...] = ()) -> ResourceScope:
    return ResourceScope(NAME, PULL, tags, files=files)


def test_files_of_a_scope_bind_every_question() -> None:
    some = scope(files=("*.safetensors",))
    wanted = Wanted("hub", NAME, Operation.PULL, "main", RefKind.TAG, "a.safetensors")
    assert reference_refusal(some, wanted) is None
    assert reference_refusal(scope(), Wanted("hub", NAME, Operation.PULL)) is None
    for file in ("a.bin", None):
        other = Wanted("hub", NAME, Operation.PULL, "main", RefKind.TAG, file)
        assert reference_refusal(some, other) is Reason.FILE_NOT_GRANTED


class Played:
    """A hub and a control plane, asked by one process after another."""

    def __init__(self, **commits: str) -> None:
        self.commits, self.pins, self.fetches = commits, dict[str, str](), list[str]()
        self.store = PinStore()

    def ask(self, path: str, resource: ResourceScope, now: float = 0.0) -> tuple[Prepared, Asked]:
        target = f"/hf/hub/{path}".encode()
        classified = classify("GET", target)
        view = make_view(make_token(), target="hub", scope=make_scope([resource]))
        asked = Asked(FACTS, head(target), classified)
        asked.admission = Admission(view, view.leases[0], view.leases[0].token_hash, "", True, False)
        steps = pin(asked, resource, self.store, lambda: now)
        try:
            step = next(steps)
            while True:
                step = steps.send(self.answer(step))
        except StopIteration as end:
            return end.value, asked

    def answer(self, step: Fetch | Pin) -> Fetched | Pinned:
        if isinstance(step, Pin):
            self.pins = dict(step.names) | self.pins
            return Pinned(self.pins)
        self.fetches.append(step.request.target.decode())
        if step.request.target.endswith(b"refs?include_prs=1"):
            branches = [
                f'{{"name":"{name}","ref":"{name}","targetCommit":"{sha}"}}' for name, sha in self.commits.items()
            ]
            return Fetched(OK, f'{{"branches":[{",".join(branches)}]}}'.encode())
        sha = self.commits.get(step.request.target.rpartition(b"/")[2].decode())
        return Fetched(OK, f'{{"sha":"{sha}"}}'.encode()) if sha else Fetched(MISSING, b"")

    def restart(self) -> None:
        self.store = PinStore()


FACTS = ExchangeFacts("ex", b"http://gw", "https://access.example", "")
OK, MISSING = ResponseHead(200, (), 0, keep_alive=True), ResponseHead(404, (), 0, keep_alive=True)


def head(target: bytes) -> RequestHead:
    return RequestHead("GET", target, (), b"gw", 0, keep_alive=True, expects_continue=False)


def test_a_branch_means_what_it_meant_first() -> None:
    world = Played(main=SHA)
    for path in (
        "Org/Name/resolve/main/a",
        "api/models/Org/Name",
        "api/models/Org/Name/tree/main/x%2Fy?recursive=true",
    ):
        prepared, asked = world.ask(path, scope("main"))
        assert prepared == Prepared()
        assert SHA.encode() in asked.classified.upstream_target
    assert len(world.fetches) == 1
    world.commits["main"] = LATER
    world.restart()
    _, asked = world.ask("Org/Name/resolve/main/a", scope("main"))
    assert asked.classified.upstream_target == f"/Org/Name/resolve/{SHA}/a".encode()
    assert len(world.fetches) == 1


def test_a_commit_is_open_when_a_revision_of_the_grant_meant_it() -> None:
    world = Played(main=SHA, dev=LATER)
    assert world.ask(f"Org/Name/resolve/{SHA}/a", scope("main"))[0] == Prepared()
    assert world.ask(f"Org/Name/resolve/{LATER}/a", scope(LATER))[0] == Prepared()
    assert world.ask(f"Org/Name/resolve/{LATER}/a", scope("main"), 9.0)[0] == Prepared(Reason.REFERENCE_NOT_GRANTED)


def test_patterns_mean_what_fits_them_now() -> None:
    world = Played(main=SHA, dev=LATER)
    assert world.ask(f"Org/Name/resolve/{LATER}/a", scope("d*"))[0] == Prepared()
    assert world.ask(f"Org/Name/resolve/{SHA}/a", scope("d*"), 9.0)[0] == Prepared(Reason.REFERENCE_NOT_GRANTED)


def test_guessing_commits_does_not_flood_the_hub() -> None:
    world = Played(main=SHA)
    for number in range(5):
        world.ask(f"Org/Name/resolve/{number:040x}/a", scope("none"), 1.0)
    assert len(world.fetches) == 1
    world.ask(f"Org/Name/resolve/{9:040x}/a", scope("none"), 4.0)
    assert len(world.fetches) == 2


@pytest.mark.parametrize("sha", ["", "main", "A" * 40, "a" * 39, 'a","sha":"b'])
def test_a_hub_that_names_no_commit_opens_nothing(sha: str) -> None:
    assert Played(main=SHA).ask("Org/Name/resolve/main/a", scope("main"))[0].refusal is None
    prepared, _ = Played(main=sha).ask("Org/Name/resolve/main/a", scope("main"))
    assert prepared.refusal is Reason.UPSTREAM_BROKEN or prepared.answer is not None


def test_what_the_control_plane_says_counts_not_what_the_hub_said() -> None:
    world = Played(main=LATER)
    world.pins = {"main": SHA}
    _, asked = world.ask("Org/Name/resolve/main/a", scope("main"))
    assert SHA.encode() in asked.classified.upstream_target


def place(**changes: object) -> UploadPlace:
    fields: dict[str, object] = {
        "url": "https://store.example/x?sig=1", "method": "PUT", "token": "t", "repository": NAME, "oid": "c" * 64,
        "size": 5, "valid_until": 100.0, "nonce": "n" * 32,
    }  # fmt: skip
    return UploadPlace(**(fields | changes))  # type: ignore[arg-type]


def test_an_upload_address_opens_for_its_target_and_key_alone() -> None:
    sealer = Sealer(b"k" * 32)
    text = sealer.seal(place(), "hub")
    assert Sealer(b"k" * 32).open(text, "hub") == place()
    for other, slug in ((sealer, "hub2"), (Sealer(b"l" * 32), "hub"), (Sealer(), "hub")):
        with pytest.raises(Unclassified):
            other.open(text, slug)
    with pytest.raises(ValueError, match="too long"):
        sealer.seal(place(url="https://store.example/" + "x" * 6000), "hub")


@pytest.mark.parametrize(("now", "length", "used_by", "status"), [
    (99.0, 5, "ex", 0), (100.0, 5, "ex", 403), (99.0, 4, "ex", 400), (99.0, -1, "ex", 400), (99.0, 5, "other", 403),
])  # fmt: skip
def test_an_upload_address_is_spent_in_time_by_one_body_of_its_size(
    now: float, length: int, used_by: str, status: int
) -> None:
    dialect = HubDialect(sealer=Sealer(b"k" * 32))
    target = f"/hf/hub/lfs/{Sealer(b'k' * 32).seal(place(), 'hub')}".encode()
    request = RequestHead("PUT", target, (), b"gw", length, keep_alive=True, expects_continue=False)
    asked = Asked(FACTS, request, dialect.classify(request), now=now)
    assert dialect.read_token(request) == "t"
    steps = dialect.preparation(asked)
    try:
        step = next(steps)
        assert isinstance(step, Pin)
        assert step.names == {place().once: FACTS.exchange_id}  # what was not taken was not brought
        steps.send(Pinned({place().once: used_by}))
    except StopIteration as end:
        answer = end.value.answer
        assert (answer.status if answer else 0) == status


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_upload_address_takes_one_method(method: str) -> None:
    dialect = HubDialect(sealer=Sealer(b"k" * 32))
    target = f"/hf/hub/lfs/{Sealer(b'k' * 32).seal(place(), 'hub')}".encode()
    assert dialect.classify(RequestHead("PUT", target, (), b"gw", 5, keep_alive=True, expects_continue=False)).wanted
    with pytest.raises(Unclassified):
        dialect.classify(RequestHead(method, target, (), b"gw", 5, keep_alive=True, expects_continue=False))


def asked_of(method: str, path: str, body: bytes, *fields: tuple[bytes, bytes], files: tuple[str, ...] = ()) -> Asked:
    """A question with a body, after the gate's yes."""
    target = f"/hf/hub/{path}".encode()
    operations = frozenset({Operation.PULL, Operation.PUSH})
    view = make_view(make_token(), target="hub", scope=make_scope([ResourceScope(NAME, operations, files=files)]))
    request = RequestHead(method, target, fields, b"gw", len(body), keep_alive=True, expects_continue=False)
    asked = Asked(FACTS, request, classify(method, target), "token", body)
    asked.admission = Admission(view, view.leases[0], view.leases[0].token_hash, "", True, False)
    return asked


FORM = (b"content-type", b"application/x-www-form-urlencoded")
AS_JSON = (b"content-type", b"application/json; charset=utf-8")
PATHS = "api/models/Org/Name/paths-info/main"


@pytest.mark.parametrize(
    ("body", "kind", "sent"),
    [
        (b"paths=a&paths=docs%2Fb+%C3%BC&expand=True", FORM, b"paths=a&paths=docs%2Fb+%C3%BC&expand=True"),
        (b"paths=%61", FORM, b"paths=a"), (b"expand=false", FORM, b"expand=false"), (b"", FORM, b""),
        (b'{"paths":["a","docs/b"],"expand":false}', AS_JSON, b'{"paths": ["a", "docs/b"], "expand": false}'),
    ],
)  # fmt: skip
def test_paths_that_are_asked_about_are_written_anew(body: bytes, kind: tuple[bytes, bytes], sent: bytes) -> None:
    asked = asked_of("POST", PATHS, body, kind)
    HubDialect().read_body(asked)
    assert (asked.body, asked.classified.upstream_target) == (sent, f"/{PATHS}".encode())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"paths=x&revision=other", FORM), (b"paths=x&expand=1", FORM), (b"expand=true&expand=false", FORM),
        (b"paths[]=x", FORM), (b"paths", FORM), (b"paths=", FORM), (b"paths=..%2Fx", FORM), (b"paths=%FF", FORM),
        (b"paths=x%00", FORM), (b"paths=x&", FORM), (b"Paths=x", FORM), (b"paths=%2Fx", FORM),
        (b'{"paths":["x"],"revision":"other"}', AS_JSON), (b'{"paths":["x"],"paths":["y"]}', AS_JSON),
        (b'{"paths":"x"}', AS_JSON), (b'{"paths":[["x"]]}', AS_JSON), (b'{"paths":["x"],"expand":"true"}', AS_JSON),
        (b"paths=x", AS_JSON), (b'{"paths":["x"]}', FORM), (b"paths=x", (b"content-type", b"text/plain")),
        (b"paths=x", (b"accept", b"*/*")),
    ],
)  # fmt: skip
def test_a_question_about_paths_has_one_reading(body: bytes, kind: tuple[bytes, bytes]) -> None:
    HubDialect().read_body(asked_of("POST", PATHS, b"paths=x", FORM))
    with pytest.raises(Unclassified):
        HubDialect().read_body(asked_of("POST", PATHS, body, kind))


def test_a_hub_is_asked_about_granted_paths_alone() -> None:
    asked = asked_of("POST", PATHS, b"paths=docs%2Fa&paths=secret&expand=false", FORM, files=("docs/*",))
    HubDialect().read_body(asked)
    assert asked.body == b"paths=docs%2Fa&expand=false"
    asked = asked_of("POST", PATHS, b"paths=secret", FORM, files=("docs/*",))
    HubDialect().read_body(asked)
    assert asked.classified.upstream_target == b""
    assert HubDialect().answer_here(asked).body == b"[]\n"


def test_commits_of_a_grant_for_some_files_say_nothing_of_others() -> None:
    told = {"id": SHA, "date": "2026-01-01T00:00:00.000Z", "title": "Upload secret/a", "message": "secret/b",
            "authors": [{"user": "eve"}], "formatted": {"title": "secret/c"}}  # fmt: skip
    path, body = "api/models/Org/Name/commits/main", json.dumps([told]).encode()
    assert json.loads(clean(body, asked_of("GET", path, b""))) == [told]
    kept = {"id": SHA, "date": told["date"], "title": "", "message": "", "authors": []}
    assert json.loads(clean(body, asked_of("GET", path, b"", files=("docs/*",)))) == [kept]


def batch_answer(size: int, chunk: object, parts: dict[str, object], **more: object) -> dict[str, Any]:
    """What a client gets when it asked for five bytes, or the size that `asked` says."""
    asked = {"operation": "upload", "objects": [{"oid": "c" * 64, "size": more.pop("asked", size)}]}
    upload = {"href": "https://hub/complete", "header": {"chunk_size": chunk, **parts}}
    told = {"transfer": "multipart", "objects": [{"oid": "c" * 64, "size": size, "actions": {"upload": upload}} | more]}
    question = asked_of("POST", "Org/Name.git/info/lfs/objects/batch", json.dumps(asked).encode())
    answer = answer_for(question, json.dumps(told).encode(), Sealer(b"k" * 32))
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_parts_of_an_upload_are_those_that_its_size_needs() -> None:
    told = batch_answer(5, "2", {"1": "https://s/1", "2": "https://s/2", "3": "https://s/3"})
    header = told["objects"][0]["actions"]["upload"]["header"]
    assert (set(header), header["chunk_size"]) == ({"chunk_size", "1", "2", "3"}, "2")
    sealed = [header[number].rpartition("/")[2] for number in "123"]
    assert [Sealer(b"k" * 32).open(text, "hub").size for text in sealed] == [2, 2, 1]


@pytest.mark.parametrize(
    ("size", "chunk", "parts", "more"),
    [
        (2**50, "1", {"1": "u"}, {}), (2**50, "100000000", {"1": "u"}, {}), (5, "0", {}, {}), (5, "-1", {"1": "u"}, {}),
        (5, "4", {"1": "u"}, {}), (5, "4", {"1": "u", "3": "u"}, {}), (5, "4", {"1": "u", "02": "u"}, {}),
        (5, "4", {"1": "u", "\u0662": "u"}, {}), (5, "4", {"1": "u", "2": 7}, {}), (5, str(2**51), {"1": "u"}, {}),
        (20_000, "1", {str(number): "u" for number in range(1, 20_001)}, {}),
        (5, "5", {"1": "u"}, {"asked": 6}), (5, "5", {"1": "u"}, {"oid": "d" * 64}),
        (True, "5", {"1": "u"}, {"asked": 1}),
    ],
)  # fmt: skip
def test_an_answer_about_uploads_that_does_not_fit_the_question_is_not_believed(
    size: int, chunk: str, parts: dict[str, object], more: dict[str, object]
) -> None:
    assert batch_answer(5, "5", {"1": "u"})
    with pytest.raises(Unusable):
        batch_answer(size, chunk, parts, **more)


def test_a_small_answer_makes_no_long_list() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Unusable):
            batch_answer(2**50, "100000000", {"1": "u"})
        assert tracemalloc.get_traced_memory()[1] < 10 * 1024**2
    finally:
        tracemalloc.stop()
