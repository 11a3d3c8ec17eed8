"""What answers is not always the gateway, and not always well: each of these ends in one line and a status."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from jit_access.cli import answers, client, wire
from jit_access.cli.client import Client, path_of
from jit_access.cli.settings import make_site
from jit_access.cli.troubles import Exit, StepUpNeeded, Trouble

Answer = Callable[[bytes], bytes | Iterator[bytes]]
TOKEN = "jita_api_secret"


@dataclass
class Peer:
    """Somebody who answers as a test wants it. `heard` is each request, whole."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    answers: list[bytes | Iterator[bytes]] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return Client(make_site(f"http://127.0.0.1:{self.port}"), TOKEN)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setattr(client, "_PAUSES_S", (0.0, 0.0, 0.0))
    told = Peer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n") and (line := self.rfile.readline()):
                head += line
            length = next(
                (int(one.split(b":")[1]) for one in head.split(b"\r\n") if one.lower().startswith(b"content-length")), 0
            )
            told.heard.append(head + self.rfile.read(length))
            answer = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
            with contextlib.suppress(OSError):
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    self.wfile.write(piece)
                    self.wfile.flush()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def answer(status: str = "200 OK", body: bytes = b"{}", kind: str = "application/json", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + body


def problem(status: str, code: str, more: str = "", **fields: object) -> bytes:
    body = json.dumps({"code": code, "detail": "It is so.", "status": int(status[:3]), "fields": fields}).encode()
    return answer(status, body, "application/problem+json", more)


def refused(call: Callable[[], object]) -> Trouble:
    with pytest.raises(Trouble) as trouble:
        call()
    assert TOKEN not in f"{trouble.value.sentence}{trouble.value.advice}"
    return trouble.value


def test_good_answer_is_read(peer: Peer) -> None:
    peer.answers = [answer(body=b'{"results": [1]}')]
    assert peer.client.get("/grants", state="active", visible=True, q=None) == {"results": [1]}
    assert peer.heard[0].startswith(b"GET /api/v1/grants?state=active&visible=true HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}".encode() in peer.heard[0]


@pytest.mark.parametrize(
    "said",
    [
        answer(body=b"<html>Sign in to the guest network</html>", kind="text/html"),
        answer(body=b"{not json"),
        answer(body=b"[" * 100_000),
        answer("502 Bad Gateway", b"<h1>nginx</h1>", "text/html"),
        answer("200 OK", b'{"next": null}'),
    ],
    ids=["portal", "broken", "deep", "proxy", "no list"],
)
def test_what_is_not_the_gateway_is_called_so(peer: Peer, said: bytes) -> None:
    peer.answers = [said]
    trouble = refused(lambda: list(peer.client.pages("/grants")))
    assert (trouble.status, trouble.code) == (Exit.AWAY, "not-the-gateway")


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"]
)
def test_no_redirect_is_followed(peer: Peer, status: str) -> None:
    peer.answers = [answer(status, more=f"Location: http://127.0.0.1:{peer.port}/elsewhere?x=1\r\n"), answer()]
    trouble = refused(lambda: peer.client.get("/me"))
    assert (trouble.status, trouble.code, trouble.advice) == (Exit.AWAY, "redirected", "It points to http://127.0.0.1")
    assert len(peer.heard) == 1


def test_endless_answer_is_left(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_BYTES", 200_000)

    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
        while True:
            yield b" " * 65536

    peer.answers = [endless()]
    assert refused(lambda: peer.client.get("/me")).code == "too-large"


@pytest.mark.parametrize(
    "part", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"], ids=["head", "body"]
)
def test_trickling_answer_is_left(peer: Peer, monkeypatch: pytest.MonkeyPatch, part: bytes) -> None:
    monkeypatch.setattr(client, "WHOLE_TIMEOUT_S", 0.3)
    is_over = threading.Event()

    def trickle() -> Iterator[bytes]:
        yield part
        while not is_over.wait(0.05):
            yield b"X-More: 1\r\n"

    peer.answers = [trickle()]
    trouble = refused(lambda: peer.client.get("/me"))
    is_over.set()
    assert (trouble.status, trouble.code) == (Exit.AWAY, "too-slow")


def test_silence_is_left(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "STEP_TIMEOUT_S", 0.1)
    is_over = threading.Event()

    def silent() -> Iterator[bytes]:
        is_over.wait(5)
        yield b""

    peer.answers = [silent()]
    assert refused(lambda: peer.client.post("/requests", {})).code == "no-answer"
    is_over.set()


def test_cut_off_answer_is_no_answer(peer: Peer) -> None:
    whole = answer(body=b'{"person": 1}')
    peer.answers = [whole[:-3], whole]
    assert peer.client.get("/me") == {"person": 1}
    assert len(peer.heard) == 2


@pytest.mark.parametrize(
    ("call", "tries"),
    [
        (lambda it: it.get("/me"), 4),
        (lambda it: it.post("/requests", {"a": 1}, key="jit-1"), 4),
        (lambda it: it.post("/grants/x/end", is_repeatable=True), 4),
        (lambda it: it.post("/grants/x/tokens"), 1),
    ],
    ids=["read", "keyed", "no-op", "neither"],
)
def test_only_what_may_be_repeated_is(peer: Peer, call: Callable[[Client], object], tries: int) -> None:
    peer.answers = [problem("503 Service Unavailable", "database-away")]
    trouble = refused(lambda: call(peer.client))
    assert (trouble.status, trouble.code, len(peer.heard)) == (Exit.AWAY, "database-away", tries)


def test_repeat_has_the_same_key_and_body(peer: Peer) -> None:
    peer.answers = [problem("503 Service Unavailable", "database-away"), answer(body=b'{"id": 7}')]
    assert peer.client.post("/requests", {"a": 1}, key="jit-1") == {"id": 7}
    assert peer.heard[0] == peer.heard[1]
    assert b"Idempotency-Key: jit-1\r\n" in peer.heard[0]


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        ("400 Bad Request", "invalid-input", Exit.USAGE),
        ("401 Unauthorized", "token-expired", Exit.SIGNED_OUT),
        ("403 Forbidden", "no-rule-allows", Exit.DENIED),
        ("403 Forbidden", "second-factor-stale", Exit.STEP_UP),
        ("404 Not Found", "not-found", Exit.NOT_FOUND),
        ("409 Conflict", "grant-expired", Exit.EXPIRED),
        ("409 Conflict", "state-changed", Exit.CHANGED),
        ("429 Too Many Requests", "rate-limited", Exit.AWAY),
        ("500 Internal Server Error", "internal-error", Exit.FAILED),
    ],
)
def test_each_refusal_has_its_status(peer: Peer, status: str, code: str, exit_code: Exit) -> None:
    peer.answers = [problem(status, code)]
    trouble = refused(lambda: peer.client.post("/x"))
    assert (trouble.status, trouble.code, trouble.sentence) == (exit_code, code, "It is so.")


def test_challenge_of_rfc_9470_says_what_is_missing(peer: Peer) -> None:
    challenge = (
        'Bearer realm="jit", error="insufficient_user_authentication", acr_values="phishing-resistant", max_age=300'
    )
    peer.answers = [problem("401 Unauthorized", "passkey-needed", f"WWW-Authenticate: {challenge}\r\n")]
    trouble = refused(lambda: peer.client.post("/x"))
    assert isinstance(trouble, StepUpNeeded)
    assert (trouble.acr_values, trouble.max_age_s) == ("phishing-resistant", 300)


def test_next_page_is_asked_of_the_same_gateway(peer: Peer) -> None:
    first = json.dumps({"results": [{"id": 1}], "next": "http://elsewhere.test/api/v1/grants?cursor=abc&x=1"}).encode()
    peer.answers = [answer(body=first), answer(body=b'{"results": [{"id": 2}], "next": null}')]
    assert [row["id"] for row in peer.client.pages("/grants", state="active")] == [1, 2]
    assert peer.heard[1].startswith(b"GET /api/v1/grants?state=active&cursor=abc HTTP/1.1\r\n")


def test_name_in_a_path_is_never_another_path() -> None:
    assert path_of("grants", "../me", "end") == "/grants/..%2Fme/end"
    assert path_of("grants", "a?b#c", "end") == "/grants/a%3Fb%23c/end"


def test_nobody_there_is_told() -> None:
    trouble = refused(lambda: Client(make_site("http://127.0.0.1:9"), TOKEN).post("/x"))
    assert (trouble.status, trouble.code) == (Exit.AWAY, "not-reached")


def test_proxy_is_asked_only_for_what_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    assert wire.connect(make_site("http://127.0.0.1:8000"), 1).host == "127.0.0.1"
    assert wire.connect(make_site("https://jit.example.com"), 1).host == "proxy.test"
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert wire.connect(make_site("https://jit.example.com"), 1).host == "jit.example.com"


def test_unreadable_authorities_are_told() -> None:
    trouble = refused(lambda: Client(make_site("https://127.0.0.1:9", "/nowhere/ca.pem"), TOKEN).get("/me"))
    assert trouble.status == Exit.USAGE
