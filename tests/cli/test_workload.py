"""Signing in as a job: where each platform puts the token, and what is said when it is not there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jit_access.cli import store, workload
from jit_access.cli.settings import make_site
from jit_access.cli.troubles import Exit, Trouble

JWT = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"


@dataclass(slots=True)
class Platform:
    """GitHub's service for identities, and a gateway that exchanges them."""

    url: str = ""
    gave: Any = field(default_factory=lambda: {"value": JWT})
    audiences: list[str] = field(default_factory=list)
    exchanged: list[dict[str, str]] = field(default_factory=list)
    lasts_s: int = 300


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    held = Platform()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(held))
    held.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "JIT_TOKEN", "JIT_TOKEN_FILE", "JIT_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{held.url}/identity?api-version=2.0")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner")
    yield held
    server.shutdown()
    server.server_close()


def handler_of(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/oauth-authorization-server":
                self.say({"issuer": platform.url, "token_endpoint": f"{platform.url}/oauth/token"})
            elif (self.headers["Authorization"], query.get("api-version")) == ("Bearer of-the-runner", "2.0"):
                platform.audiences.append(query["audience"])
                self.say(platform.gave)
            else:
                self.say({}, 401)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            platform.exchanged.append({name: values[0] for name, values in parse_qs(raw).items()})
            number = len(platform.exchanged)
            self.say({"access_token": f"short-{number}", "token_type": "Bearer", "expires_in": platform.lasts_s})

        def say(self, body: Any, status: int = 200) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler


@pytest.mark.parametrize("audience", ["", "jit-of-the-company"])
def test_github_is_asked_for_our_audience_and_the_answer_is_exchanged(platform: Platform, audience: str) -> None:
    held = workload.sign_in(make_site(platform.url), workload.parse_source("github"), audience=audience)
    assert (held.token, held.kind) == ("short-1", "access")
    assert platform.audiences == [audience or platform.url]
    [asked] = platform.exchanged
    assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert asked["subject_token"] == JWT
    assert "client_id" not in asked  # there it is the agent that is meant, where there are several
    assert asked["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt"


def test_every_other_platform_has_it_somewhere(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "projected"
    kept.write_text(f"{JWT}\n")
    monkeypatch.setenv("JIT_ID_TOKEN", JWT)
    monkeypatch.setenv("OTHER", JWT)
    monkeypatch.setattr(workload, "KUBERNETES_FILE", str(kept))
    for word in ("gitlab", "gitlab:OTHER", "kubernetes", f"kubernetes:{kept}", f"file:{kept}"):
        workload.sign_in(make_site(platform.url), workload.parse_source(word))
    assert [asked["subject_token"] for asked in platform.exchanged] == [JWT] * 5


@pytest.mark.parametrize(
    ("word", "status", "says"),
    [
        ("github", Exit.SIGNED_OUT, "id-token: write"), ("gitlab", Exit.SIGNED_OUT, "id_tokens"),
        ("kubernetes:/nowhere/token", Exit.SIGNED_OUT, "projected"), ("file:/nowhere", Exit.SIGNED_OUT, ""),
        ("file:{short}", Exit.SIGNED_OUT, ""), ("jenkins", Exit.USAGE, "github, gitlab"), ("file", Exit.USAGE, ""),
        ("github:x", Exit.USAGE, ""),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, status: Exit, says: str
) -> None:
    (tmp_path / "short").write_text("not a token")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    with pytest.raises(Trouble) as caught:
        workload.sign_in(make_site(platform.url), workload.parse_source(word.format(short=tmp_path / "short")))
    assert (caught.value.status, says in caught.value.advice) == (status, True)
    assert platform.exchanged == []


@pytest.mark.parametrize("gave", [{}, [], {"value": 1}, {"value": "one.two"}])
def test_what_github_must_not_say(platform: Platform, gave: Any) -> None:
    platform.gave = gave
    with pytest.raises(Trouble):
        workload.sign_in(make_site(platform.url), workload.parse_source("github"))
    platform.gave = {"value": JWT}
    assert workload.sign_in(make_site(platform.url), workload.parse_source("github"))


def test_a_job_signs_in_again_before_its_token_is_over(platform: Platform) -> None:
    site = make_site(platform.url)
    held = workload.sign_in(site, workload.parse_source("github"))
    store.keep(site.address, held)
    assert workload.renewed(site, store.find(site.address)) == held
    short = held._replace(expires_at=held.expires_at - 290)
    again = workload.renewed(site, short)
    assert again is not None
    assert again.token == "short-2"
    assert store.find(site.address) == again


def test_who_signed_in_otherwise_is_not_signed_in_again(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make_site(platform.url)
    over = store.Held("of-a-person", expires_at=1.0)
    assert workload.renewed(site, over) == over
    workload.sign_in(site, workload.parse_source("github"))
    monkeypatch.setenv("JIT_TOKEN", "given")
    assert workload.renewed(site, over) == over
    monkeypatch.delenv("JIT_TOKEN")
    assert workload.renewed(site, over) != over
    workload.forget(site)
    assert workload.renewed(site, over) == over
