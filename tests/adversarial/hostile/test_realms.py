"""Case 26: who gets the credential. The registry itself, and token services that an operator named; nobody else."""

from __future__ import annotations

import pytest

from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import (
    BASIC,
    BODY,
    OK,
    D,
    Stage,
    head_at_home,
    plain,
)
from tests.adversarial.hostile.upstream import HostileUpstream, Peer, Script, answering

PATH = f"/v2/a/blobs/{D}".encode()
TOKEN = b'{"token":"upstream-token","expires_in":300}'
TOKEN_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TOKEN), TOKEN)


def challenging(*challenges: str) -> Script:
    """Serves whoever has the token, and asks everybody else for it."""
    lines = b"".join(b"WWW-Authenticate: " + text.encode() + b"\r\n" for text in challenges)

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            is_token = head.startswith(b"GET /token?")
            if is_token:
                await peer.send(TOKEN_ANSWER)
            elif b"Bearer upstream-token" in head:
                await peer.send(OK)
            else:
                await peer.send(b"HTTP/1.1 401 No\r\n" + lines + b"Content-Length: 0\r\n\r\n")

    return script


def bearer(realm: str) -> str:
    return f'Bearer realm="{realm}",service="registry"'


def token_request(service: HostileUpstream) -> bytes:
    """Exactly what a token service elsewhere is to get: the credential and the question, nothing of the client."""
    return b"\r\n".join([
        b"GET /token?service=registry&scope=repository%3Aa%3Apull HTTP/1.1", b"accept: application/json",
        b"host: 127.0.0.1:%d" % service.port, b"accept-encoding: identity", b"authorization: Basic " + BASIC,
    ]) + b"\r\n\r\n"  # fmt: skip


def test_named_token_service_gets_the_credential_and_the_registry_its_token(stage: Stage, serve: Serve) -> None:
    """The twin of everything below: Docker Hub and GitLab have their token service on another host."""
    service = serve(answering(TOKEN_ANSWER))
    registry = serve(challenging(bearer(f"{service.url}/token")))
    stage.target(registry, token_origins=(service.url,))
    assert stage.ask("GET", stage_blob(), "Cookie: a=b").body == BODY
    assert service.connections == [token_request(service)]
    first = head_at_home(registry, b"GET", PATH)
    second = head_at_home(registry, b"GET", PATH, auth=b"Bearer upstream-token")
    assert b"".join(plain(item) for item in registry.connections) == first + second


def test_upload_learns_of_a_named_token_service_before_it_sends_the_body(stage: Stage, serve: Serve) -> None:
    service = serve(answering(TOKEN_ANSWER))
    registry = serve(challenging(bearer(f"{service.url}/token")))
    stage.target(registry, token_origins=(service.url,))
    assert stage.ask("PUT", "/v2/demo/a/manifests/v1", body=b"").status == 200
    assert len(service.connections) == 1
    assert b"scope=repository%3Aa%3Apull%2Cpush" in service.connections[0]


def stage_blob() -> str:
    return f"/v2/demo/a/blobs/{D}"


@pytest.mark.parametrize("is_a_store", [False, True])
def test_service_that_nobody_named_gets_nothing(is_a_store: bool, stage: Stage, serve: Serve) -> None:
    """CVE-2026-33540 and CVE-2026-48978. To be named as a store opens no way to the credential."""
    thief = serve(answering(TOKEN_ANSWER))
    registry = serve(challenging(bearer(f"{thief.url}/token")))
    stage.target(registry, redirect_origins=(thief.url,) if is_a_store else ())
    record = stage.refused(stage.ask(), "upstream-redirect-refused")
    assert thief.connections == []
    assert record["detail"]["refused_origin"] == thief.url  # type: ignore[index]
    assert len(registry.connections) == 1


def test_upload_to_such_a_registry_is_refused_before_its_body(stage: Stage, serve: Serve) -> None:
    thief = serve(answering(TOKEN_ANSWER))
    registry = serve(challenging(bearer(f"{thief.url}/token")))
    stage.target(registry)
    stage.refused(stage.ask("PUT", "/v2/demo/a/manifests/v1", body=b"{}"), "upstream-redirect-refused")
    assert (thief.connections, len(registry.connections)) == ([], 1)
    assert registry.connections[0].startswith(b"GET /v2/ HTTP/1.1\r\n")


def test_named_service_is_only_that_very_origin(stage: Stage, serve: Serve) -> None:
    thief, named = serve(answering(TOKEN_ANSWER)), serve(answering(TOKEN_ANSWER))
    registry = serve(challenging(bearer(f"{thief.url}/token")))
    stage.target(registry, token_origins=(named.url, f"https://127.0.0.1:{thief.port}", "not an origin"))
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert thief.connections + named.connections == []


@pytest.mark.parametrize(
    "realm",
    ["https://evil.example/token", "http://{home}.evil.example/token", "http://{home}@evil.example/token",
     "http://robot:canary@{home}/token", "http://evil.example#@{home}/token",
     "//{home}/token", "/token", "token", "file:///etc/passwd", "gopher://{home}/token", "https://{home}/token",
     "http://2130706433:{port}/token", "http://127.1:{port}/token", "http://0x7f000001:{port}/token",
     "http://localhost:{port}/token", "http://[::ffff:127.0.0.1]:{port}/token", "http://{home}\t/token"],
)  # fmt: skip
def test_realm_that_is_not_quite_home(realm: str, stage: Stage, serve: Serve) -> None:
    registry = serve(answering(b""))
    registry.script = challenging(bearer(realm.format(home=f"127.0.0.1:{registry.port}", port=registry.port)))
    stage.target(registry)
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert [plain(item) for item in registry.connections] == [head_at_home(registry, b"GET", PATH)]


def test_realm_at_home_is_asked(stage: Stage, serve: Serve) -> None:
    registry = serve(answering(b""))
    registry.script = challenging(bearer(f"HTTP://127.0.0.1:{registry.port}/token"))
    stage.target(registry)
    assert stage.ask().body == BODY


@pytest.mark.parametrize(
    "challenges",
    [
        ('Bearer realm="{home}/token",realm="{thief}/token"',),
        ('Bearer realm="{thief}/token",realm="{home}/token"',),
        ('Bearer service="x",Basic realm="{thief}/token"',),
        ('Basic realm="x", Bearer realm="{thief}/token"',),
        ("Bearer",), ("Bearer realm=",), ('Bearer realm=""',), ("Basic",), ("Negotiate",), ('Digest realm="{thief}"',),
        ('Bearer realm="{home}/token\\"",service="x"',), ('Bearer realm="http://evil.example\\@{home}/token"',),
    ],
)  # fmt: skip
def test_challenge_with_no_single_reading_is_a_refused_credential(
    challenges: tuple[str, ...], stage: Stage, serve: Serve
) -> None:
    thief, registry = serve(answering(TOKEN_ANSWER)), serve(answering(b""))
    registry.script = challenging(*(text.replace("{home}", registry.url).replace("{thief}", thief.url)
                                    for text in challenges))  # fmt: skip
    stage.target(registry, token_origins=(thief.url,))
    stage.refused(stage.ask(), "upstream-refused-credential")
    assert thief.connections == []


def test_second_challenge_does_not_mix_into_the_first(stage: Stage, serve: Serve) -> None:
    thief, registry = serve(answering(TOKEN_ANSWER)), serve(answering(b""))
    registry.script = challenging(f'Bearer realm="{registry.url}/token",service="r", Basic realm="{thief.url}/token"')
    stage.target(registry)
    assert stage.ask().body == BODY
    assert thief.connections == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", "upstream-broken"),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "upstream-refused-credential"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "upstream-refused-credential"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "upstream-broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "upstream-broken"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"token":"a\\r\\nX: y"}', "upstream-broken"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"token":"a b"}', "upstream-broken"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"token":[1]}', "upstream-broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000, "upstream-broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "upstream-broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10001\r\n" + b"x" * 65537,
         "upstream-broken"),
    ],
)  # fmt: skip
def test_token_service_that_lies(answer: bytes, reason: str, stage: Stage, serve: Serve) -> None:
    service = serve(answering(answer))
    registry = serve(challenging(bearer(f"{service.url}/token")))
    stage.target(registry, token_origins=(service.url,))
    got = stage.ask()
    stage.refused(got, reason)
    assert service.connections == [token_request(service)]
    assert len(registry.connections) == 1
