"""Case 23 and 24: a registry that points elsewhere. It is followed to places that an operator named, with nothing of
ours, and nowhere else; the client never hears of the place."""

from __future__ import annotations

import pytest

from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BLOB, BODY, OK, D, Stage, head_at_home, head_elsewhere, plain
from tests.adversarial.hostile.upstream import Peer, Script, answering

STATUSES = (301, 302, 303, 307, 308)
PATH = f"/v2/a/blobs/{D}".encode()


def redirect(place: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", STATUSES)
def test_named_store_gets_a_bare_request(status: int, stage: Stage, serve: Serve) -> None:
    """The twin of everything below. Signed queries pass byte for byte."""
    store = serve(answering(OK))
    registry = serve(answering(redirect(f"{store.url}/b/x?X-Amz-Signature=s%2Fs&x=1", status)))
    stage.target(registry, redirect_origins=(store.url,))
    spoofed = ("Cookie: a=b", "X-Api-Key: k", "X-Amz-Security-Token: t", "Proxy-Authorization: Basic eDp5")
    answer = stage.ask("GET", BLOB, "Range: bytes=0-5", "User-Agent: oras", *spoofed, "Content-Type: a/b")
    assert (answer.status, answer.body) == (200, BODY)
    assert b"location" not in answer.headers
    own = (b"range: bytes=0-5", b"user-agent: oras")
    assert [plain(item) for item in registry.connections] == [
        head_at_home(registry, b"GET", PATH, *own, b"content-type: a/b")
    ]
    assert store.connections == [head_elsewhere(store, b"/b/x?X-Amz-Signature=s%2Fs&x=1", *own)]


@pytest.mark.parametrize("status", STATUSES)
def test_store_that_nobody_named_is_not_asked(status: int, stage: Stage, serve: Serve) -> None:
    store = serve(answering(OK))
    registry = serve(answering(redirect(f"{store.url}/b/x?secret=s", status)))
    stage.target(registry)
    record = stage.refused(stage.ask(), "upstream-redirect-refused")
    assert store.connections == []
    assert record["detail"]["refused_origin"] == store.url  # type: ignore[index]
    assert [plain(item) for item in registry.connections] == [head_at_home(registry, b"GET", PATH)]


FORBIDDEN = [
    "http://169.254.169.254/latest/meta-data/iam", "http://[fd00:ec2::254]/", "http://[::1]/", "http://0.0.0.0/",
    "http://[::]/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://2852039166/", "http://0xa9fea9fe/", "http://0xa9.0xfe.0xa9.0xfe/", "http://0251.0376.0251.0376/",
    "http://169.254.43518/", "http://127.1/", "http://metadata.google.internal/", "http://localhost/",
    "http://127.0.0.1:22/", "http://127.0.0.1:6379/", "http://127.0.0.1:0/", "https://127.0.0.1:443/",
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:70/_x", "ftp://127.0.0.1/x",
    "dict://127.0.0.1:11211/", "ldap://127.0.0.1/", "data:text/plain,x", "javascript:alert(1)", "jar:http://x!/",
    "http://robot:canary@{host}/", "http://{host}@evil.example/", "http://evil.example#@{host}/",
    "http://evil.example\\@{host}/", "http://{host}.evil.example/", "http://{host}\t.evil.example/",
    "//evil.example/x", "///evil.example/x", "/\\evil.example/x", "\\\\evil.example/x", "http:///evil.example/",
    "http:evil.example", "HTTP://EVIL.EXAMPLE/", "http://evil.example:80:80/", "http://[evil.example]/", "http://",
    "http://%6c%6fcalhost/", "http://evil.example%00.{host}/", "http://1.1.1.1.1/", "http://xn--/%0d%0aX: y",
]  # fmt: skip


@pytest.mark.parametrize("place", FORBIDDEN)
def test_forbidden_place(place: str, stage: Stage, serve: Serve) -> None:
    """The target may be private, so only the place itself is the reason."""
    registry = serve(answering(b""))
    registry.script = answering(redirect(place.replace("{host}", f"127.0.0.1:{registry.port}")))
    stage.target(registry)
    answer = stage.ask()
    record = stage.refused(answer, "upstream-redirect-refused")
    assert [plain(item) for item in registry.connections] == [head_at_home(registry, b"GET", PATH)]
    assert place.encode() not in answer.body
    assert "canary" not in str(record) + str(record["detail"])
    registry.wait_until_left(1)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (b"", "upstream-redirect-refused"), (b"Location: \r\n", "upstream-redirect-refused"),
        (b"Location: /a\r\nLocation: /b\r\n", "upstream-broken"),
    ],
)  # fmt: skip
def test_redirect_without_one_place(location: bytes, reason: str, stage: Stage, serve: Serve) -> None:
    registry = serve(answering(b"HTTP/1.1 302 Found\r\n" + location + b"Content-Length: 0\r\n\r\n"))
    stage.target(registry)
    stage.refused(stage.ask(), reason)
    assert len(registry.connections) == 1


@pytest.mark.parametrize("break_", [b"\r\n", b"\n", b"\r", b"\x00"])
def test_redirect_with_a_line_break_in_it(break_: bytes, stage: Stage, serve: Serve) -> None:
    """What follows a real line break is another field; every other break ends the connection."""
    place = b"http://127.0.0.1:1/" + break_ + b"Set-Cookie: evil=1"
    registry = serve(answering(b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"))
    stage.target(registry)
    stage.refused(stage.ask(), "upstream-redirect-refused" if break_ == b"\r\n" else "upstream-broken")


def test_loop_at_home_ends(stage: Stage, serve: Serve) -> None:
    registry = serve(answering(redirect("/v2/again")))
    stage.target(registry)
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert len(registry.connections) == 4


def test_loop_between_two_places_ends(stage: Stage, serve: Serve) -> None:
    registry, store = serve(answering(b"")), serve(answering(b""))
    registry.script, store.script = answering(redirect(f"{store.url}/x")), answering(redirect(f"{registry.url}/y"))
    stage.target(registry, redirect_origins=(store.url,))
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert len(registry.connections) + len(store.connections) == 4


def test_way_back_home_carries_no_credential(stage: Stage, serve: Serve) -> None:
    """CVE-2018-20060 and its follow-ups: once away, the credential does not come back, whatever the host's spelling."""
    store = serve(answering(b""))

    async def registry_script(peer: Peer) -> None:
        head = await peer.read_head()
        await peer.send(redirect(f"{store.url}/x") if b"authorization" in head else OK)

    registry = serve(registry_script)
    store.script = answering(redirect(f"HTTP://127.0.0.1:{registry.port}/back?a"))
    stage.target(registry, redirect_origins=(store.url,))
    assert stage.ask("GET", BLOB, "Cookie: c=1").body == BODY
    assert [plain(item) for item in registry.connections] == [
        head_at_home(registry, b"GET", PATH), head_elsewhere(registry, b"/back?a")
    ]  # fmt: skip
    assert store.connections == [head_elsewhere(store, b"/x")]


def test_store_may_not_lead_on_to_a_third_place(stage: Stage, serve: Serve) -> None:
    third = serve(answering(OK))
    store = serve(answering(redirect(f"{third.url}/x")))
    registry = serve(answering(redirect(f"{store.url}/x")))
    stage.target(registry, redirect_origins=(store.url,))
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert third.connections == []


@pytest.mark.parametrize("status", [201, 202, 204, 400, 401, 403, 404, 500, 503])
def test_words_of_a_store_are_not_passed_on(status: int, stage: Stage, serve: Serve) -> None:
    """Stores name buckets, keys and what they would have signed; and a 401 there asks for what it does not get."""
    body = b"" if status == 204 else b"<Error><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"
    answer = b"HTTP/1.1 %d X\r\nWWW-Authenticate: Basic\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    store = serve(answering(answer))
    registry = serve(answering(redirect(f"{store.url}/x")))
    stage.target(registry, redirect_origins=(store.url,))
    got = stage.ask()
    stage.refused(got, "upstream-broken")
    assert b"AKIA" not in got.body
    assert store.connections == [head_elsewhere(store, b"/x")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v2/demo/a/blobs/uploads/", b""), ("PATCH", "/v2/demo/a/blobs/uploads/1", b"x"),
        ("PUT", f"/v2/demo/a/blobs/uploads/1?digest={D}", b"x"), ("PUT", "/v2/demo/a/manifests/v1", b"{}"),
        ("DELETE", "/v2/demo/a/manifests/v1", b""), ("GET", "/v2/demo/a/tags/list", b""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [302, 307])
def test_what_changes_something_is_never_sent_on(
    method: str, path: str, body: bytes, status: int, stage: Stage, serve: Serve
) -> None:  # fmt: skip
    store = serve(answering(OK))

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0)
            await peer.read(length)
            is_ping = head.startswith(b"GET /v2/ ")
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if is_ping else redirect(store.url, status))

    stage.target(serve(script), redirect_origins=(store.url,))
    stage.refused(stage.ask(method, path, body=body), "upstream-redirect-refused")
    assert store.connections == []


def bearer_at(realm: str) -> Script:
    """A place that wants a token fetched somewhere."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        challenge = f'WWW-Authenticate: Bearer realm="{realm}"'.encode()
        await peer.send(b"HTTP/1.1 401 No\r\n" + challenge + b"\r\nContent-Length: 0\r\n\r\n")

    return script


def test_challenge_of_a_store_is_not_answered(stage: Stage, serve: Serve) -> None:
    thief = serve(answering(OK))
    store = serve(bearer_at(f"{thief.url}/token"))
    registry = serve(answering(redirect(f"{store.url}/x")))
    stage.target(registry, redirect_origins=(store.url,), token_origins=(thief.url,))
    stage.refused(stage.ask(), "upstream-broken")
    assert thief.connections == []
