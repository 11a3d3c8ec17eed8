"""Registries that lie, stall, or try to send the credential elsewhere."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jit_access.connectors import wire
from jit_access.connectors.base import Permanent, Retryable
from jit_access.connectors.oci import connector as oci
from jit_access.connectors.oci.connector import OCIConnector
from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from tests.connectors.hostile import PASSWORD, HostileServer, Script, hostile_server, respond

BASIC = base64.b64encode(f"gateway:{PASSWORD}".encode())


def failure_of(server: HostileServer, call: str) -> PeerError:
    """Run one call, expect it to fail, and be sure that the failure holds no secret."""
    client = OCIConnector(server.endpoint())
    with pytest.raises(PeerError) as caught:
        getattr(client, call)()
    client.close()
    chain: BaseException | None = caught.value
    while chain is not None:
        assert PASSWORD not in repr(chain)
        assert BASIC.decode() not in repr(chain)
        chain = chain.__cause__ or chain.__context__
    assert "prod-registry" in caught.value.sentence
    return caught.value


def always(response: bytes) -> Script:
    def script(path: str, request: bytes) -> Iterator[bytes]:
        yield response

    return script


def bearer(realm: str, token_reply: bytes, *, then: bytes = b"") -> Script:
    """Asks for a token from `realm` (`{origin}` is the server's own), then answers whoever has one."""

    def script(path: str, request: bytes) -> Iterator[bytes]:
        host = request.split(b"Host: ")[1].split(b"\r\n")[0].decode()
        if path.startswith("/token"):
            yield token_reply
        elif b"Authorization: Bearer" in request:
            yield then or respond()
        else:
            asked = realm.format(origin=f"http://{host}")
            yield respond("401 Unauthorized", WWW_Authenticate=f'Bearer realm="{asked}",service="s"')

    return script


TOKEN = respond(body=b'{"token": "abc"}')


def test_a_token_service_on_the_same_origin_is_used() -> None:
    with hostile_server(bearer("{origin}/token", TOKEN)) as server:
        client = OCIConnector(server.endpoint())
        client.check()
        client.close()
    assert [path.partition("?")[0] for path in server.paths] == ["/v2/", "/token", "/v2/"]
    assert b"Authorization: Basic " + BASIC in server.requests[1]
    assert BASIC not in server.requests[0] + server.requests[2]


@pytest.mark.parametrize(
    "realm",
    [
        "http://127.0.0.1:1/token",
        "http://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/token",
        "{origin}@evil.example/token",
        "http://evil.example/token",
        "//evil.example/token",
        "file:///etc/passwd",
        "{origin}.evil.example/token",
        "http://user:pass@127.0.0.1/token",
        "http://[::1/token",
        "{origin}\\@evil.example/token",
        "token",
        "",
    ],
)
def test_a_token_service_elsewhere_never_gets_the_credential(realm: str) -> None:
    with hostile_server(bearer(realm, TOKEN)) as server:
        failure = failure_of(server, "check")
    assert failure.reason in (Reason.UPSTREAM_REDIRECT_REFUSED, Reason.UPSTREAM_BROKEN)
    assert server.paths == ["/v2/"]
    assert BASIC not in server.requests[0]


def test_a_token_service_that_an_operator_named_gets_the_credential_and_nobody_else() -> None:
    with hostile_server(always(TOKEN)) as service, hostile_server(bearer(f"{service.origin}/token", TOKEN)) as server:
        client = OCIConnector(replace(server.endpoint(), token_origins=(service.origin,)))
        client.check()
        client.close()
    assert [path.partition("?")[0] for path in service.paths] == ["/token"]
    assert b"Authorization: Basic " + BASIC in service.requests[0]
    assert server.paths == ["/v2/", "/v2/"]
    assert BASIC not in b"".join(server.requests)


def test_a_token_service_beside_the_named_one_gets_nothing() -> None:
    with hostile_server(always(TOKEN)) as thief, hostile_server(bearer(f"{thief.origin}/token", TOKEN)) as server:
        client = OCIConnector(replace(server.endpoint(), token_origins=("https://127.0.0.1", "http://127.0.0.1:1")))
        with pytest.raises(Permanent) as caught:
            client.check()
        client.close()
    assert caught.value.reason is Reason.UPSTREAM_REDIRECT_REFUSED
    assert thief.requests == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (respond("401 Unauthorized"), Reason.UPSTREAM_REFUSED_CREDENTIAL),
        (respond("403 Forbidden"), Reason.UPSTREAM_REFUSED_CREDENTIAL),
        (respond("500 Oops"), Reason.UPSTREAM_AWAY),
        (respond(body=b"{}"), Reason.UPSTREAM_BROKEN),
        (respond(body=b'{"token": 5}'), Reason.UPSTREAM_BROKEN),
        (respond(body=b'{"token": "a\\r\\nX-Evil: 1"}'), Reason.UPSTREAM_BROKEN),
        (respond(body=json.dumps({"token": "a" * 20_000}).encode()), Reason.UPSTREAM_BROKEN),
        (respond("302 Found", Location="http://evil.example/"), Reason.UPSTREAM_REDIRECT_REFUSED),
    ],
)
def test_an_odd_token_answer_is_refused(reply: bytes, reason: Reason) -> None:
    with hostile_server(bearer("{origin}/token", reply)) as server:
        assert failure_of(server, "check").reason is reason


def test_a_token_that_does_not_help_is_not_asked_for_again_and_again() -> None:
    def script(path: str, request: bytes) -> Iterator[bytes]:
        yield TOKEN if path.startswith("/token") else respond("401 No", WWW_Authenticate='Bearer realm="/token"')

    with hostile_server(script) as server:
        assert failure_of(server, "check").reason is Reason.UPSTREAM_REFUSED_CREDENTIAL
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "/v2/elsewhere", "https://other.example/"]
)
@pytest.mark.parametrize("call", ["check", "list_repositories"])
def test_redirects_are_not_followed(call: str, location: str) -> None:
    with hostile_server(always(respond("307 Temporary Redirect", Location=location))) as server:
        failure = failure_of(server, call)
    assert failure.reason is Reason.UPSTREAM_REDIRECT_REFUSED
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.UPSTREAM_BROKEN),
        (b"", Reason.UPSTREAM_BROKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", Reason.UPSTREAM_BROKEN),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", Reason.UPSTREAM_BROKEN),
        (respond("404 Not Found"), Reason.UPSTREAM_BROKEN),
        (respond("503 Busy"), Reason.UPSTREAM_AWAY),
        (respond("401 Unauthorized"), Reason.UPSTREAM_BROKEN),
        (respond("401 Unauthorized", WWW_Authenticate="Negotiate"), Reason.UPSTREAM_BROKEN),
        (respond("200 OK", Content_Encoding="gzip"), Reason.UPSTREAM_BROKEN),
    ],
)
def test_what_is_no_registry_is_told_apart(response: bytes, reason: Reason) -> None:
    with hostile_server(always(response)) as server:
        assert failure_of(server, "check").reason is reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"repositories": "a"}',
        b'{"repositories": [1]}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"<html>",
    ],
)
def test_wrong_json_is_refused(body: bytes) -> None:
    with hostile_server(always(respond(body=body))) as server:
        assert failure_of(server, "list_repositories").reason is Reason.UPSTREAM_BROKEN


def test_names_that_no_registry_may_have_are_left_out_and_counted() -> None:
    names = ["fine/name", "UPPER", "../etc/passwd", "a//b", "x" * 201, "", "a\nb", "ok"]
    with hostile_server(always(respond(body=json.dumps({"repositories": names}).encode()))) as server:
        client = OCIConnector(server.endpoint())
        listing = client.list_repositories()
        client.close()
    assert listing.names == ("fine/name", "ok")
    assert listing.unusable == 6


def test_a_list_that_goes_in_circles_is_refused() -> None:
    page = respond(body=b'{"repositories": ["a"]}', Link='</v2/_catalog?last=a>; rel="next"')
    with hostile_server(always(page)) as server:
        assert failure_of(server, "list_repositories").reason is Reason.UPSTREAM_BROKEN
    assert len(server.requests) == 2


def test_an_endless_list_ends_at_its_bound_and_is_called_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci, "MAX_PAGES", 7)

    def script(path: str, request: bytes) -> Iterator[bytes]:
        number = int(path.rpartition("x")[2]) if "x" in path else 0
        body = json.dumps({"repositories": [f"r{number}"]}).encode()
        yield respond(body=body, Link=f'</v2/_catalog?last=x{number + 1}>; rel="next"')

    with hostile_server(script) as server:
        client = OCIConnector(server.endpoint())
        listing = client.list_repositories()
        client.close()
    assert len(listing.names) == 7
    assert not listing.is_complete
    assert len(server.requests) == 7


def test_a_million_names_in_one_page_are_cut_off() -> None:
    body = json.dumps({"repositories": [f"r{number}" for number in range(1_000_000)]}).encode()
    with hostile_server(always(respond(body=body))) as server:
        assert failure_of(server, "list_repositories").reason is Reason.UPSTREAM_BROKEN


def test_more_names_than_we_keep_make_the_list_incomplete() -> None:
    body = json.dumps({"repositories": [f"r{number}" for number in range(oci.MAX_REPOSITORIES + 1)]}).encode()
    with hostile_server(always(respond(body=body))) as server:
        client = OCIConnector(server.endpoint())
        listing = client.list_repositories()
        client.close()
    assert len(listing.names) == oci.MAX_REPOSITORIES
    assert not listing.is_complete


def test_a_body_without_end_is_cut_off() -> None:
    def script(path: str, request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    with hostile_server(script) as server:
        assert failure_of(server, "check").reason is Reason.UPSTREAM_BROKEN


@pytest.mark.parametrize(
    "link",
    [
        '<http://169.254.169.254/v2/_catalog?last=a>; rel="next"',
        '<//evil.example/v2/_catalog?last=a>; rel="next"',
        '</v2/secret/tags/list>; rel="next"',
        '</v2/_catalog/../admin>; rel="next"',
        "garbage",
    ],
)
def test_the_next_page_is_on_the_same_origin_and_path(link: str) -> None:
    with hostile_server(always(respond(body=b'{"repositories": ["a"]}', Link=link))) as server:
        assert failure_of(server, "list_repositories").reason is Reason.UPSTREAM_REDIRECT_REFUSED
    assert len(server.requests) == 1


def test_a_peer_that_drips_is_left_when_the_conversation_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci, "CONVERSATION_S", 0.3)
    left = threading.Event()

    def script(path: str, request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        while not left.wait(0.01):  # every single read succeeds in time, so only the deadline of the whole ends this
            yield b" "

    with hostile_server(script) as server:
        failure = failure_of(server, "check")
        left.set()
    assert isinstance(failure, Retryable)
    assert failure.reason is Reason.UPSTREAM_AWAY


def test_a_peer_that_says_nothing_is_left_when_the_conversation_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci, "CONVERSATION_S", 0.3)
    monkeypatch.setattr(wire, "READ_TIMEOUT_S", 3600.0)
    left = threading.Event()

    def script(path: str, request: bytes) -> Iterator[bytes]:
        left.wait(60)
        yield b""

    with hostile_server(script) as server:
        failure = failure_of(server, "check")
        assert not left.is_set()
        left.set()
    assert failure.sentence == f"prod-registry does not answer at {server.origin}."


def test_a_refusal_is_permanent_and_an_absence_is_not() -> None:
    with hostile_server(always(respond("404 Not Found"))) as server:
        assert isinstance(failure_of(server, "check"), Permanent)
    with hostile_server(always(respond("503 Busy"))) as server:
        assert isinstance(failure_of(server, "check"), Retryable)


@pytest.mark.parametrize(
    "manifest",
    [
        {"config": {"size": -1}, "layers": []},
        {"config": {"size": "9"}, "layers": []},
        {"config": {"size": True}, "layers": []},
        {"config": {"size": 2**60}, "layers": []},
        {"config": {"size": 1}, "layers": "x"},
        {"config": {"size": 1}, "layers": [5]},
        {"manifests": [{"digest": "sha256:../../x"}]},
        {"manifests": [{"digest": "sha256:" + "0" * 64}] * 17},
        {},
    ],
)
def test_a_size_that_cannot_be_believed_is_not_told(manifest: dict[str, object]) -> None:
    def script(path: str, request: bytes) -> Iterator[bytes]:
        body: dict[str, object] = {"tags": ["v1"]} if path.startswith("/v2/llm/x/tags/list") else manifest
        yield respond(body=json.dumps(body).encode())

    with hostile_server(script) as server:
        client = OCIConnector(server.endpoint())
        described = client.describe_repository("llm/x")
        client.close()
    assert described.latest_tag == "v1"
    assert described.size_bytes is None
    assert len(server.requests) == 2
