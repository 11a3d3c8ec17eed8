"""A registry that is away, lies, redirects, asks for the credential elsewhere: what the client gets, and what it never
gets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.upstream import client as upstream_client
from registry_proxy.upstream.addresses import is_open
from tests.support.gateway import ALL, PULL, PUSH, Gateway, Held, running_gateway
from tests.support.processes import free_port
from tests.support.raw import ScriptedUpstream, read_all, read_head
from tests.support.registry import call

BODY = b"layer bytes " * 1000
D = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
PASSWORD = "canary-upstream-password"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("upstream")) as running:
        yield running


@pytest.fixture
def serve(gateway: Gateway) -> Iterator[Callable[..., ScriptedUpstream]]:
    with contextlib.ExitStack() as stack:

        def start(
            answer: object, *, username: str = "robot", allow_private: bool = True, stores: tuple[str, ...] = ()
        ) -> ScriptedUpstream:
            upstream = stack.enter_context(ScriptedUpstream(answer))  # type: ignore[arg-type]
            gateway.add_target(
                "demo", upstream.url, username, PASSWORD, allow_private=allow_private, redirect_origins=stores
            )
            return upstream

        yield start


def blob(gateway: Gateway, held: Held, **more: str) -> tuple[int, dict[str, str], bytes]:
    headers = {"Authorization": f"Bearer {held.token}"} | more
    return call(gateway.host, "GET", f"/v2/demo/a/blobs/{D}", headers=headers)


def reason_of(body: bytes) -> str:
    return str(json.loads(body)["errors"][0]["detail"]["reason"])


def raw_blob(gateway: Gateway, held: Held) -> bytes:
    """Everything the client gets until its connection ends."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        client.sendall(
            f"GET /v2/demo/a/blobs/{D} HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {held.token}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        return read_all(client)


def test_registry_sees_our_credential_and_nothing_of_the_client(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    """CVE-2021-31999 too: Connection names our own fields, and they arrive all the same."""
    upstream = serve(OK)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    spoof = {"Cookie": "a=b", "X-Forwarded-Host": "evil", "X-Remote-User": "root", "Impersonate-User": "root",
             "Forwarded": "host=evil", "X_Request_Id": "mine", "Connection": "x-request-id, accept, x-forwarded-proto",
             "Accept": "text/plain", "If-None-Match": '"x"'}  # fmt: skip
    assert blob(gateway, held, **spoof)[0] == 200
    head = upstream.requests[0].decode()
    fields = head.lower().split("\r\n")
    expected = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
    assert head.startswith(f"GET /v2/a/blobs/{D} HTTP/1.1\r\n")
    assert f"Basic {expected}" in head
    assert f"host: 127.0.0.1:{upstream.port}" in fields
    assert fields.count(f"x-forwarded-host: {gateway.host}") == 1
    assert 'if-none-match: "x"' in fields
    for gone in ("cookie", "root", "evil", "text/plain", "mine", held.token.lower()):
        assert gone not in head.lower()


def test_client_sees_nothing_of_the_registry_but_what_it_needs(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    serve(OK.replace(b"\r\n\r\n", b"\r\nServer: s\r\nSet-Cookie: a=b\r\nAlt-Svc: h3\r\nWWW-Authenticate: Basic\r\n"
                     b"X-Internal: 10.0.0.1\r\nETag: \"e\"\r\n\r\n", 1))  # fmt: skip
    held = gateway.grant("demo", ResourceScope("a", PULL))
    status, headers, body = blob(gateway, held)
    assert (status, body, headers["etag"]) == (200, BODY, '"e"')
    assert not {"server", "set-cookie", "alt-svc", "www-authenticate", "x-internal"} & headers.keys()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\n b\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\nno end marked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
        b"ICY 200 OK\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_answer_with_two_readings_is_502_with_the_target_and_no_credential(
    answer: bytes, gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:
    serve(answer)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    status, _, body = blob(gateway, held)
    assert (status, reason_of(body)) == (502, "upstream-broken")
    assert b"demo" in body
    assert PASSWORD.encode() not in body


@pytest.mark.parametrize(
    "answer",
    [
        OK[:-100],  # short
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",  # two answers
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_body_that_is_not_what_was_announced_never_ends_cleanly(
    answer: bytes, gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:
    def once(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)

    upstream = serve(once)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    received = raw_blob(gateway, held).partition(b"\r\n\r\n")[2]
    assert not received.endswith(b"0\r\n\r\n")
    assert len(received) < len(BODY)
    assert gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)["reason"] == "upstream-broken"
    assert len(upstream.requests) == 1


def test_chunked_body_arrives_whole(gateway: Gateway, serve: Callable[..., ScriptedUpstream]) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(BODY) // 4, BODY[i : i + len(BODY) // 4])
                      for i in range(0, len(BODY), len(BODY) // 4))  # fmt: skip
    serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert blob(gateway, gateway.grant("demo", ResourceScope("a", PULL)))[2] == BODY


@pytest.mark.parametrize("verify", [False, True])
def test_wrong_bytes_are_withheld_where_the_tier_asks_for_it(
    verify: bool, gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:
    serve(OK[:-1] + b"X")
    held = gateway.grant("demo", ResourceScope("a", PULL), verify=verify)
    received = raw_blob(gateway, held).partition(b"\r\n\r\n")[2]
    assert (len(received) == len(BODY)) is not verify
    if verify:
        record = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)
        assert (record["reason"], record["reference"]) == ("digest-mismatch", D)


def test_right_bytes_pass_verification(gateway: Gateway, serve: Callable[..., ScriptedUpstream]) -> None:
    serve(OK)
    held = gateway.grant("demo", ResourceScope("a", PULL), verify=True)
    # A part cannot be verified, so the whole is sent (RFC 9110 14.2 lets a server ignore Range).
    assert blob(gateway, held, Range="bytes=0-3")[2] == BODY


def test_registry_that_is_away_is_502_with_its_name(gateway: Gateway) -> None:
    gateway.add_target("demo", f"http://127.0.0.1:{free_port()}", "robot", PASSWORD)
    status, _, body = blob(gateway, gateway.grant("demo", ResourceScope("a", PULL)))
    assert (status, reason_of(body)) == (502, "upstream-away")
    assert b"Target: demo" in body
    assert PASSWORD.encode() not in body


def test_registry_on_a_private_address_needs_leave(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    upstream = serve(OK, allow_private=False)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    assert blob(gateway, held)[0] == 502
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [("93.184.216.34", True, True), ("10.0.0.1", False, True), ("127.0.0.1", False, True), ("::1", False, True),
     ("100.64.0.1", False, True), ("169.254.169.254", False, False), ("fe80::1", False, False),
     ("::ffff:169.254.169.254", False, False), ("64:ff9b::a9fe:a9fe", False, False), ("fd00:ec2::254", False, False),
     ("0.0.0.1", False, False), ("::ffff:0.0.0.0", False, False), ("::", False, False), ("224.0.0.1", False, False),
     ("255.255.255.255", False, False), ("::ffff:127.0.0.1", False, True), ("::127.0.0.1", False, False),
     ("100.100.100.200", False, False), ("192.0.0.192", False, False), ("168.63.129.16", False, False),
     ("2002:a9fe:a9fe::", False, False), ("2002:a00:1::", False, True), ("fec0::1", False, False),
     ("2001:0:5ef5:79fb:0:0:5601:5601", False, False)],
)  # fmt: skip
def test_addresses_that_may_be_dialled(address: str, public: bool, private: bool) -> None:
    parsed = ipaddress.ip_address(address)
    assert is_open(parsed, allow_private=False) is public
    assert is_open(parsed, allow_private=True) is private


# -- redirects


def redirect(place: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed_here_without_the_credential(
    status: int, gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:
    """CVE-2018-20060: nothing of ours goes to another origin, and the client never sees where the bytes lie."""
    with ScriptedUpstream(OK) as store:
        serve(redirect(f"{store.url}/bucket/x?X-Amz-Signature=secret", status), stores=(store.url,))
        held = gateway.grant("demo", ResourceScope("a", PULL))
        answer_status, headers, body = blob(gateway, held)
        assert (answer_status, body) == (200, BODY)
        assert "location" not in headers
        assert store.requests[0].startswith(b"GET /bucket/x?X-Amz-Signature=secret HTTP/1.1\r\n")
        for secret in (b"authorization", b"cookie", b"x-request-id", PASSWORD.encode(), held.token.encode()):
            assert secret not in store.requests[0].lower()


@pytest.mark.parametrize(
    "place",
    ["http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "file:///etc/passwd", "gopher://127.0.0.1:70/",
     "http://user:pass@127.0.0.1/", "ftp://127.0.0.1/x", "http://[::ffff:169.254.169.254]/"],
)  # fmt: skip
def test_redirect_to_a_forbidden_place_is_refused(
    place: str, gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:
    serve(redirect(place))
    status, headers, body = blob(gateway, gateway.grant("demo", ResourceScope("a", PULL)))
    assert (status, reason_of(body)) == (502, "upstream-redirect-refused")
    assert place.encode() not in body
    assert "location" not in headers


def test_redirects_without_end_are_refused(gateway: Gateway, serve: Callable[..., ScriptedUpstream]) -> None:
    upstream = serve(redirect("/v2/again"))
    assert blob(gateway, gateway.grant("demo", ResourceScope("a", PULL)))[0] == 502
    assert len(upstream.requests) == 4


def test_redirected_upload_is_refused(gateway: Gateway, serve: Callable[..., ScriptedUpstream]) -> None:
    serve(redirect("/elsewhere"))
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    headers = {"Authorization": f"Bearer {held.token}"}
    status, headers, body = call(gateway.host, "POST", "/v2/demo/a/blobs/uploads/", headers=headers)
    assert (status, reason_of(body)) == (502, "upstream-redirect-refused")


@pytest.mark.parametrize(
    ("place", "status"),
    [("/v2/a/blobs/uploads/1?_state=x", 202), ("{own}/v2/a/blobs/uploads/1?_state=x", 202),
     ("http://elsewhere.example/v2/a/blobs/uploads/1", 502), ("//elsewhere.example/v2/a/blobs/uploads/1", 502),
     ("/v2/other/blobs/uploads/1", 502), ("/v2/a/../other/blobs/uploads/1", 502), ("https://bucket.example/put", 502)],
)  # fmt: skip
def test_upload_location_stays_at_the_gateway(
    place: str, status: int, gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:
    """A push that followed the registry's own Location went around the gateway, unlogged."""
    upstream = serve(b"")
    location = place.replace("{own}", upstream.url)
    upstream.answer = f"HTTP/1.1 202 Accepted\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    got, headers, _ = call(
        gateway.host, "POST", "/v2/demo/a/blobs/uploads/", headers={"Authorization": f"Bearer {held.token}"}
    )
    assert got == status
    if status == 202:
        assert headers["location"] == f"{gateway.url}/v2/demo/a/blobs/uploads/1?_state=x"
    else:
        assert "location" not in headers


def test_next_page_stays_at_the_gateway(gateway: Gateway, serve: Callable[..., ScriptedUpstream]) -> None:
    serve(b'HTTP/1.1 200 OK\r\nLink: </v2/a/tags/list?last=b&n=2>; rel="next"\r\nContent-Length: 2\r\n\r\n{}')
    held = gateway.grant("demo", ResourceScope("a", PULL))
    headers = {"Authorization": f"Bearer {held.token}"}
    _, headers, _ = call(gateway.host, "GET", "/v2/demo/a/tags/list?n=2", headers=headers)
    assert headers["link"] == f'<{gateway.url}/v2/demo/a/tags/list?last=b&n=2>; rel="next"'


# -- credentials


def bearer_registry(realm: str) -> Callable[[socket.socket, bytes], None]:
    """Wants a token of its own token server, as most hosted registries do."""

    def answer(connection: socket.socket, head: bytes) -> None:
        text = head.decode()
        if text.startswith("GET /auth"):
            good = base64.b64encode(f"robot:{PASSWORD}".encode()).decode() in text
            body = b'{"token":"upstream-token","expires_in":300}' if good else b"{}"
            status = b"200 OK" if good else b"401 No"
            connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        elif "Bearer upstream-token" in text:
            length = next(
                (int(line.split(":")[1]) for line in text.split("\r\n") if line.startswith("content-length")), 0
            )
            while length:
                length -= len(connection.recv(length))
            connection.sendall(OK)
        else:
            challenge = f'Bearer realm="{realm}",service="registry"'.encode()
            connection.sendall(b"HTTP/1.1 401 No\r\nWWW-Authenticate: %b\r\nContent-Length: 0\r\n\r\n" % challenge)

    return answer


def test_bearer_registry_gets_a_token_from_its_own_origin(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    upstream = serve(b"")
    upstream.answer = bearer_registry(f"{upstream.url}/auth")
    held = gateway.grant("demo", ResourceScope("a", PULL))
    assert blob(gateway, held)[2] == BODY
    assert blob(gateway, held)[2] == BODY
    tokens = [head for head in upstream.requests if head.startswith(b"GET /auth")]
    assert len(tokens) == 1
    assert b"scope=repository%3Aa%3Apull" in tokens[0]


def test_bearer_registry_takes_an_upload_at_the_first_try(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    """A body cannot be sent twice, so the scheme is learned with a ping before."""
    upstream = serve(b"")
    upstream.answer = bearer_registry(f"{upstream.url}/auth")
    held = gateway.grant("demo", ResourceScope("a", PUSH))
    headers = {"Authorization": f"Bearer {held.token}", "Content-Type": "application/json"}
    assert call(gateway.host, "PUT", "/v2/demo/a/manifests/x", b"{}", headers)[0] == 200
    assert [head.split(b" ")[1] for head in upstream.requests if head.startswith(b"PUT")] == [b"/v2/a/manifests/x"]


def test_realm_on_another_host_gets_no_credential(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    """CVE-2026-33540 (distribution) and CVE-2026-48978 (oras-go)."""
    with ScriptedUpstream(OK) as thief:
        serve(bearer_registry(f"{thief.url}/auth"))
        status, _, body = blob(gateway, gateway.grant("demo", ResourceScope("a", PULL)))
        assert (status, reason_of(body)) == (502, "upstream-redirect-refused")
        assert thief.requests == []


def test_refused_credential_is_told_without_it(gateway: Gateway, serve: Callable[..., ScriptedUpstream]) -> None:
    serve(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
    status, headers, body = blob(gateway, gateway.grant("demo", ResourceScope("a", PULL)))
    assert (status, reason_of(body)) == (502, "upstream-refused-credential")
    assert "www-authenticate" not in headers
    assert PASSWORD not in json.dumps(gateway.records())


# -- connections


def test_connection_closed_by_the_registry_in_between_is_not_noticed(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    def close_after(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)

    serve(close_after)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    for _ in range(5):
        assert blob(gateway, held)[2] == BODY


@pytest.mark.parametrize(("ends", "asked", "status"), [("hangs", 2, 504), ("closes", 3, 200)])
def test_kept_connection_that_hangs_is_not_asked_again(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream], monkeypatch: pytest.MonkeyPatch,
    ends: str, asked: int, status: int,
) -> None:  # fmt: skip
    """A closed one is: there the registry never saw the request."""
    monkeypatch.setattr(upstream_client, "RESPONSE_TIMEOUT_S", 0.3)
    served: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        served.append(head)
        if len(served) != 2:
            connection.sendall(OK)
        elif ends == "closes":
            connection.shutdown(socket.SHUT_RDWR)

    serve(answer)
    held = gateway.grant("demo", ResourceScope("a", PULL))
    assert blob(gateway, held)[0] == 200
    assert blob(gateway, held)[0] == status
    assert len(served) == asked


def test_early_refusal_of_an_upload_reaches_the_client(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    serve(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
    held = gateway.grant("demo", ResourceScope("a", ALL))
    headers = {"Authorization": f"Bearer {held.token}"}
    assert call(gateway.host, "PUT", f"/v2/demo/a/blobs/uploads/1?digest={D}", b"x" * 4_000_000, headers)[0] == 413


def test_manifest_over_the_limit_is_413_with_either_framing(
    gateway: Gateway, serve: Callable[..., ScriptedUpstream]
) -> None:  # fmt: skip
    def swallow(connection: socket.socket, _head: bytes) -> None:
        while connection.recv(65536):
            pass

    serve(swallow, username="")
    held = gateway.grant("demo", ResourceScope("a", ALL))
    start = f"PUT /v2/demo/a/manifests/x HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {held.token}\r\n".encode()
    size = 4 * 1024 * 1024 + 1
    framed = {
        "counted": b"Content-Length: %d\r\n\r\n" % size,
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size),
    }
    for framing in framed.values():
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            client.sendall(start + framing)
            assert read_head(client).startswith(b"HTTP/1.1 413")


def test_plain_text_of_scripted_upstream_is_never_in_a_record(gateway: Gateway, tmp_path: Path) -> None:
    assert PASSWORD not in json.dumps(gateway.records())
