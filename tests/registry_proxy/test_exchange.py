"""Playbooks for the machine: this arrives, that must follow. No socket, no clock, no thread."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.session_view import LeaseFacts, SessionView, ViewState
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange.events import UnexpectedEvent
from registry_proxy.exchange.machine import Exchange
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.dialect import Fetched
from registry_proxy.protocols.http1 import UNBOUNDED, RequestHead, ResponseHead
from registry_proxy.protocols.oci.dialect import OciDialect
from registry_proxy.protocols.oci.manifests import digest_of
from registry_proxy.protocols.oci.reach import ReachStore
from registry_proxy.protocols.wanted import Admission, Classified, Refusal, Upgrade

FACTS = ExchangeFacts("exc_1", b"http://gw:80", "https://access.example", "127.0.0.1", "test")
PULL = frozenset({Operation.PULL})
BLOB = "sha256:" + "b" * 64
MANIFEST = json.dumps({"config": {"digest": "sha256:" + "c" * 64}, "layers": [{"digest": BLOB}]}).encode()


def head(method: str, target: str, length: int = 0) -> RequestHead:
    return RequestHead(method, target.encode(), (), b"gw:80", length, keep_alive=True, expects_continue=False)


def admission(*resources: ResourceScope, verify: bool = False) -> Admission:
    lease = LeaseFacts("lse_1", "0" * 64, 2000.0)
    scope = make_scope(resources or (ResourceScope("a", frozenset(Operation)),))
    view = SessionView(
        "grt_1", 1, ViewState.OPEN, Reason.GRANTED, "usr_1", "Ada", "person", "demo", scope, (), (lease,), 0.0, 2000.0,
        "rule-1",
    )  # fmt: skip
    return Admission(view, lease, lease.token_hash, "rule-1", strict=True, verify_digests=verify)


def answered(status: int = 200, length: int = 5, **fields: str) -> on.UpstreamAnswered:
    headers = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
    return on.UpstreamAnswered(ResponseHead(status, headers, length, keep_alive=True))


def fetched(status: int, body: bytes = b"") -> Fetched:
    return Fetched(ResponseHead(status, (), len(body), keep_alive=True), body)


def play(exchange: Exchange, *events: on.Event) -> list[list[str]]:
    """The names of the commands after each event."""
    return [[type(command).__name__ for command in exchange.receive(event)] for event in events]


def opened(exchange: Exchange, request: RequestHead, admitted: Admission) -> do.OpenUpstream:
    """Walk to the point where the registry is asked."""
    exchange.receive(on.RequestRead(request))
    exchange.receive(on.Admitted(admitted, 1000.0))
    (command,) = exchange.receive(on.Recorded())
    assert isinstance(command, do.OpenUpstream)
    return command


def test_order_of_an_allowed_pull() -> None:
    """I1: no step towards the registry before the record is durable."""
    exchange = Exchange(FACTS, OciDialect())
    steps = play(
        exchange, on.RequestRead(head("GET", f"/v2/demo/a/blobs/{BLOB}")), on.Admitted(admission(), 1000.0),
        on.Recorded(), answered(), on.RelayEnded(),
    )  # fmt: skip
    assert steps == [["AskGate"], ["Record"], ["OpenUpstream"], ["Relay"], ["Note", "Finish"]]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((on.Refused(Refusal(Reason.TOKEN_MISSING)),), 401),
        ((on.Refused(Refusal(Reason.OUT_OF_SCOPE)),), 403),
        ((on.Refused(Refusal(Reason.CONTROL_PLANE_LOST)),), 503),
        ((on.Admitted(admission(), 1000.0), on.NotRecorded()), 503),
        ((on.Admitted(admission(), 1000.0), on.Recorded(Reason.GRANT_REVOKED)), 403),
        ((on.Admitted(admission(), 1000.0), on.Recorded(), on.UpstreamFailed(Reason.UPSTREAM_AWAY, 502)), 502),
        ((on.Admitted(admission(), 1000.0), on.Recorded(), on.CutOff(Reason.GRANT_EXPIRED)), 401),
    ],
)
def test_every_refusal_is_noted_and_answered(events: tuple[on.Event, ...], status: int) -> None:
    exchange = Exchange(FACTS, OciDialect())
    exchange.receive(on.RequestRead(head("GET", f"/v2/demo/a/blobs/{BLOB}")))
    *_, last = [exchange.receive(event) for event in events]
    note, answer = last
    assert isinstance(note, do.Note)
    assert note.kind == "proxy.request.refused"
    assert (note.fields["decision"], note.fields["status"]) == ("deny", status)
    assert isinstance(answer, do.SendAnswer)
    assert answer.answer.status == status


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("?scope=repository%3Ademo%2Fllm%2Fa%3Apull&service=gw", "/request?resource=demo/llm/a&operation=pull"),
        ("?scope=repository:demo/llm/a:pull,push", "/request?resource=demo/llm/a&operation=push"),
        ("?scope=repository:demo/llm/a%26x=1:pull", "/request"),
        ("?scope=registry:catalog:*", "/request"),
        ("", "/request"),
    ],
)
def test_refusal_at_the_token_address_links_to_what_is_wanted(query: str, link: str) -> None:
    """Without a sign-in clients fail there first, and show this sentence."""
    exchange = Exchange(FACTS, OciDialect())
    exchange.receive(on.RequestRead(head("GET", f"/token{query}")))
    _, sent = exchange.receive(on.Refused(Refusal(Reason.TOKEN_MISSING)))
    assert isinstance(sent, do.SendAnswer)
    assert sent.answer.status == 401
    (error,) = json.loads(sent.answer.body)["errors"]
    assert error["message"].endswith(f" Request access at https://access.example{link}")


def test_broken_stream_is_reset_and_recorded_as_cut() -> None:
    exchange = Exchange(FACTS, OciDialect())
    opened(exchange, head("GET", f"/v2/demo/a/blobs/{BLOB}"), admission())
    exchange.receive(answered())
    note, reset = exchange.receive(on.RelayEnded(Reason.GRANT_REVOKED))
    assert isinstance(note, do.Note)
    assert (note.kind, note.fields["reason"]) == ("proxy.transfer.cut", "grant-revoked")
    assert isinstance(reset, do.Reset)


def test_cut_upload_is_reset_not_answered() -> None:
    exchange = Exchange(FACTS, OciDialect())
    opened(exchange, head("PUT", f"/v2/demo/a/blobs/uploads/1?digest={BLOB}", 5), admission())
    assert play(exchange, on.CutOff(Reason.GRANT_REVOKED)) == [["Note", "Reset"]]


def test_event_out_of_order_raises() -> None:
    exchange = Exchange(FACTS, OciDialect())
    with pytest.raises(UnexpectedEvent):
        exchange.receive(on.Recorded())
    exchange.receive(on.RequestRead(head("GET", "/v2/")))
    with pytest.raises(UnexpectedEvent):
        exchange.receive(answered())


def test_local_answers_are_recorded_too() -> None:
    exchange = Exchange(FACTS, OciDialect())
    steps = play(exchange, on.RequestRead(head("GET", "/v2/")), on.Admitted(admission(), 1000.0), on.Recorded())
    assert steps == [["AskGate"], ["Record"], ["Note", "SendAnswer"]]


def test_refused_mount_source_falls_back_and_asks_again() -> None:
    exchange = Exchange(FACTS, OciDialect())
    request = head("POST", f"/v2/demo/a/blobs/uploads/?mount={BLOB}&from=demo/b")
    (first,) = exchange.receive(on.RequestRead(request))
    assert isinstance(first, do.AskGate)
    assert [item.repository for item in first.wanted] == ["a", "b"]
    (again,) = exchange.receive(on.Refused(Refusal(Reason.OUT_OF_SCOPE, admission().view)))
    assert isinstance(again, do.AskGate)
    assert [item.repository for item in again.wanted] == ["a"]
    exchange.receive(on.Admitted(admission(), 1000.0))
    (command,) = exchange.receive(on.Recorded())
    assert isinstance(command, do.OpenUpstream)
    assert command.request.target == b"/v2/a/blobs/uploads/"


def test_verified_tier_relays_with_the_digest_and_without_ranges() -> None:
    exchange = Exchange(FACTS, OciDialect())
    request = replace(head("GET", f"/v2/demo/a/blobs/{BLOB}"), headers=((b"range", b"bytes=0-1"),))
    command = opened(exchange, request, admission(verify=True))
    assert not [name for name, _ in command.request.headers if name == b"range"]
    (relay,) = exchange.receive(answered())
    assert isinstance(relay, do.Relay)
    assert relay.digest == BLOB


# -- restricted scopes

TAGGED = ResourceScope("a", PULL, tags=("v1",))
PINNED = ResourceScope("a", PULL, digests=(digest_of(MANIFEST),))


def test_blob_of_a_granted_tag_opens_after_its_manifest_was_read() -> None:
    reach = ReachStore()
    exchange = Exchange(FACTS, OciDialect(reach))
    opened(exchange, head("GET", "/v2/demo/a/manifests/v1"), admission(TAGGED))
    assert play(exchange, answered(), on.Buffered(MANIFEST)) == [["BufferBody"], ["Note", "SendAnswer"]]
    again = Exchange(FACTS, OciDialect(reach))
    opened(again, head("GET", f"/v2/demo/a/blobs/{BLOB}"), admission(TAGGED))


def test_blob_outside_the_reach_is_resolved_then_answered_as_unknown() -> None:
    exchange = Exchange(FACTS, OciDialect())
    exchange.receive(on.RequestRead(head("GET", f"/v2/demo/a/blobs/{BLOB}")))
    exchange.receive(on.Admitted(admission(TAGGED), 1000.0))
    assert play(exchange, on.Recorded()) == [["Fetch"]]
    note, answer = exchange.receive(fetched(404))
    assert isinstance(note, do.Note)
    assert note.fields["reason"] == "reference-not-granted"
    assert isinstance(answer, do.SendAnswer)
    assert (answer.answer.status, b"BLOB_UNKNOWN" in answer.answer.body) == (404, True)


def test_blob_that_was_resolved_opens() -> None:
    exchange = Exchange(FACTS, OciDialect())
    exchange.receive(on.RequestRead(head("GET", f"/v2/demo/a/blobs/{BLOB}")))
    exchange.receive(on.Admitted(admission(TAGGED), 1000.0))
    (fetch,) = exchange.receive(on.Recorded())
    assert isinstance(fetch, do.Fetch)
    assert fetch.step.request.target == b"/v2/a/manifests/v1"
    assert play(exchange, fetched(200, MANIFEST)) == [["OpenUpstream"]]


def test_tag_that_points_to_a_granted_digest_is_open() -> None:
    exchange = Exchange(FACTS, OciDialect())
    opened(exchange, head("GET", "/v2/demo/a/manifests/v1"), admission(PINNED))
    exchange.receive(answered())
    _, answer = exchange.receive(on.Buffered(MANIFEST))
    assert isinstance(answer, do.SendAnswer)
    assert (answer.answer.status, answer.answer.body) == (200, MANIFEST)


def test_tag_that_moved_to_another_digest_is_refused() -> None:
    """Case 18: approved digest A, the tag now names B."""
    exchange = Exchange(FACTS, OciDialect())
    opened(exchange, head("GET", "/v2/demo/a/manifests/v1"), admission(PINNED))
    exchange.receive(answered())
    note, answer = exchange.receive(on.Buffered(MANIFEST + b" "))
    assert isinstance(answer, do.SendAnswer)
    assert answer.answer.status == 403
    assert isinstance(note, do.Note)
    assert note.fields["reason"] == "reference-not-granted"


def test_tag_list_of_a_restricted_scope_shows_granted_tags_only() -> None:
    exchange = Exchange(FACTS, OciDialect())
    opened(exchange, head("GET", "/v2/demo/a/tags/list"), admission(TAGGED))
    exchange.receive(answered())
    _, answer = exchange.receive(on.Buffered(b'{"name":"a","tags":["v1","v2","secret"]}'))
    assert isinstance(answer, do.SendAnswer)
    assert json.loads(answer.answer.body)["tags"] == ["v1"]


# -- a registry that points elsewhere


def test_refused_origin_is_told_to_the_operator_and_not_to_the_client() -> None:
    exchange = Exchange(FACTS, OciDialect())
    opened(exchange, head("GET", f"/v2/demo/a/blobs/{BLOB}"), admission())
    failed = on.UpstreamFailed(Reason.UPSTREAM_REDIRECT_REFUSED, 502, "https://cdn.example")
    note, answer = exchange.receive(failed)
    assert isinstance(note, do.Note)
    assert note.fields["detail"]["refused_origin"] == "https://cdn.example"  # type: ignore[index]
    assert isinstance(answer, do.SendAnswer)
    assert b"cdn.example" not in answer.answer.body
    assert b"Target: demo." in answer.answer.body


# -- changes of protocol

ECHO = Upgrade(frozenset({b"echo"}), frozenset({b"x-echo-version"}), frozenset({b"x-echo-version"}))


class WithEcho(OciDialect):
    """OCI, but blobs may be changed into an echo."""

    upgrades = ECHO.protocols

    def classify(self, head: RequestHead) -> Classified:
        classified = super().classify(head)
        return replace(classified, upgrade=ECHO) if classified.route == "blob" else classified


def asking(target: str, upgrade: bytes = b"echo") -> RequestHead:
    headers = ((b"x-echo-version", b"1"), (b"x-other", b"2"))
    return replace(head("GET", target), upgrade=upgrade, headers=headers, keep_alive=False)


def switching(*fields: tuple[bytes, bytes], status: int = 101) -> on.UpstreamAnswered:
    said = fields or ((b"upgrade", b"echo"), (b"connection", b"Upgrade"))
    return on.UpstreamAnswered(ResponseHead(status, said, UNBOUNDED, keep_alive=False))


@pytest.mark.parametrize("route", ["", "/token", "/v2/_catalog", f"/v2/demo/a/blobs/{BLOB}", "/v2/demo/a/manifests/v1",
                                   "/v2/demo/a/tags/list", f"/v2/demo/a/referrers/{BLOB}",
                                   "/v2/demo/a/blobs/uploads/1"])  # fmt: skip
def test_no_route_of_oci_changes_protocols(route: str) -> None:
    """The table says so, and the machine asks it even if the edge let an Upgrade pass."""
    assert OciDialect.upgrades == frozenset()
    exchange = Exchange(FACTS, OciDialect())
    note, answer = exchange.receive(on.RequestRead(asking(route or "/v2/", b"websocket")))
    assert isinstance(note, do.Note)
    assert isinstance(answer, do.SendAnswer)
    assert (answer.answer.status, answer.closes) == (400, True)


def test_route_changes_only_into_what_it_names() -> None:
    exchange = Exchange(FACTS, WithEcho())
    assert play(exchange, on.RequestRead(asking(f"/v2/demo/a/blobs/{BLOB}", b"h2c"))) == [["Note", "SendAnswer"]]
    exchange = Exchange(FACTS, WithEcho())
    assert play(exchange, on.RequestRead(asking("/v2/demo/a/tags/list"))) == [["Note", "SendAnswer"]]


def test_agreed_change_of_protocol_is_gated_recorded_and_then_raw() -> None:
    exchange = Exchange(FACTS, WithEcho())
    command = opened(exchange, asking(f"/v2/demo/a/blobs/{BLOB}"), admission())
    assert (command.request.upgrade, command.request.headers) == (b"echo", ((b"x-echo-version", b"1"),))
    said = ((b"upgrade", b"ECHO"), (b"connection", b"upgrade"), (b"x-echo-version", b"1"), (b"set-cookie", b"a=b"))
    (tunnel,) = exchange.receive(switching(*said))
    assert isinstance(tunnel, do.Tunnel)
    assert tunnel.headers == ((b"x-echo-version", b"1"),)
    note, finish = exchange.receive(on.RelayEnded())
    assert isinstance(note, do.Note)
    assert (note.kind, note.fields["status"]) == ("proxy.transfer.completed", 101)
    assert note.fields["detail"]["upgrade"] == "echo"  # type: ignore[index]
    assert isinstance(finish, do.Finish)


def test_cut_tunnel_is_reset() -> None:
    exchange = Exchange(FACTS, WithEcho())
    opened(exchange, asking(f"/v2/demo/a/blobs/{BLOB}"), admission())
    steps = play(exchange, switching(), on.RelayEnded(Reason.GRANT_REVOKED))
    assert steps == [["Tunnel"], ["Note", "Reset"]]


@pytest.mark.parametrize("status", [200, 204, 301, 400, 403, 426, 500])
def test_any_other_answer_is_an_ordinary_one(status: int) -> None:
    """CVE-2018-1002105: a no that was taken for a yes."""
    exchange = Exchange(FACTS, WithEcho())
    opened(exchange, asking(f"/v2/demo/a/blobs/{BLOB}"), admission())
    (relay,) = exchange.receive(answered(status, upgrade="echo", connection="upgrade"))
    assert isinstance(relay, do.Relay)
    assert relay.headers == ()


@pytest.mark.parametrize(
    "fields",
    [
        ((b"upgrade", b"h2c"), (b"connection", b"upgrade")),
        ((b"upgrade", b"echo, h2c"), (b"connection", b"upgrade")),
        ((b"upgrade", b"echo"), (b"upgrade", b"echo"), (b"connection", b"upgrade")),
        ((b"upgrade", b"echo"),),
        ((b"connection", b"upgrade"),),
    ],
)
def test_change_into_something_else_is_refused(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    exchange = Exchange(FACTS, WithEcho())
    opened(exchange, asking(f"/v2/demo/a/blobs/{BLOB}"), admission())
    assert play(exchange, switching(*fields)) == [["Note", "SendAnswer"]]


def test_change_that_nobody_asked_for_is_refused() -> None:
    exchange = Exchange(FACTS, WithEcho())
    opened(exchange, head("GET", f"/v2/demo/a/blobs/{BLOB}"), admission())
    _, answer = exchange.receive(switching())
    assert isinstance(answer, do.SendAnswer)
    assert answer.answer.status == 502


# -- bytes that may be here already


def kept_exchange(method: str = "GET", *fields: tuple[bytes, bytes]) -> Exchange:
    exchange = Exchange(FACTS, OciDialect(), has_kept=True)
    request = head(method, f"/v2/demo/a/blobs/{BLOB}")
    exchange.receive(on.RequestRead(replace(request, headers=(*request.headers, *fields))))
    return exchange


def names(commands: list[do.Command]) -> list[str]:
    return [type(command).__name__ for command in commands]


def test_kept_bytes_are_looked_for_after_everything_that_could_refuse_them() -> None:
    exchange = kept_exchange()
    steps = play(exchange, on.Admitted(admission(), 1000.0), on.Recorded(), on.Kept(), on.RelayEnded())
    assert steps == [["Record"], ["FindKept"], ["SendKept"], ["Note", "Finish"]]


def test_what_is_not_kept_is_asked_of_the_registry_and_kept_then() -> None:
    exchange = kept_exchange()
    play(exchange, on.Admitted(admission(), 1000.0), on.Recorded())
    assert names(exchange.receive(on.NotKept())) == ["OpenUpstream"]
    (relay,) = exchange.receive(answered())
    assert isinstance(relay, do.Relay)
    assert relay.keeps


@pytest.mark.parametrize(
    ("method", "fields"),
    [("HEAD", ()), ("DELETE", ()), ("GET", ((b"range", b"bytes=0-1"),)), ("GET", ((b"if-none-match", b"x"),))],
)
def test_everything_else_goes_to_the_registry_and_is_not_kept(
    method: str, fields: tuple[tuple[bytes, bytes], ...]
) -> None:  # fmt: skip
    exchange = kept_exchange(method, *fields)
    play(exchange, on.Admitted(admission(), 1000.0))
    assert names(exchange.receive(on.Recorded())) == ["OpenUpstream"]
    (relay,) = exchange.receive(answered())
    assert isinstance(relay, do.Relay)
    assert not relay.keeps


def test_hit_that_is_cut_is_reset_and_says_that_it_was_one() -> None:
    exchange = kept_exchange()
    play(exchange, on.Admitted(admission(), 1000.0), on.Recorded(), on.Kept())
    note, reset = exchange.receive(on.RelayEnded(Reason.GRANT_REVOKED))
    assert isinstance(note, do.Note)
    assert note.fields["reason"] == "grant-revoked"
    assert note.fields["detail"]["cache"] == "hit"  # type: ignore[index]
    assert isinstance(reset, do.Reset)


def test_allow_that_ends_while_the_cache_is_asked_is_a_refusal() -> None:
    exchange = kept_exchange()
    play(exchange, on.Admitted(admission(), 1000.0), on.Recorded())
    assert names(exchange.receive(on.CutOff(Reason.GRANT_REVOKED))) == ["Note", "SendAnswer"]
