"""Jobs on somebody else's platform: what it tells a job about itself, and the trust that people put into that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.machine import Machine, make_machine
from tests.support.stack import Stack
from tests.support.visitor import Visitor
from tests.support.workloads.issuer import Claims, Issuer

AGENT = "ci-bot"
RUNNER_SECRET = "of-this-one-job"


def trust(issuer: Issuer, kind: str, claims: Mapping[str, str], *, owner: Visitor, operator: Visitor) -> None:
    """An operator names the issuer, the agent's owner says which workload it is, a second person confirms."""
    named = tell(operator, "issuers", {"kind": kind, "name": kind, "issuer": issuer.url, "allows_private": True})
    agent = agent_id(owner)
    order = {"issuer": named["id"], "name": f"{kind} of the tests", "claims": dict(claims)}
    proposed = tell(owner, f"agents/{agent}/trusts", order)
    confirmed = tell(operator, f"agents/{agent}/trusts/{proposed['id']}/confirm", {})
    assert confirmed["counts"] is True


def agent_id(owner: Visitor) -> str:
    """Of ci-bot, which belongs to Ada."""
    found = owner.client.get("/api/v1/agents").json()
    rows = found["results"] if isinstance(found, dict) else found
    return str(next(row["id"] for row in rows if AGENT in (row.get("name"), row.get("username"))))


def tell(person: Visitor, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST as the pages' own scripts would; with a new code where the last proof is too old."""
    web, address = person.stack.web, f"/api/v1/{path}"
    headers = {"X-CSRFToken": person.client.cookies.get("csrftoken") or "", "Referer": web, "Origin": web}
    answer = person.client.post(address, json=body, headers=headers)
    if "second-factor-stale" in answer.text:
        proof = body | {"code": person.stack.fresh_code(person.username)}
        answer = person.client.post(address, json=proof, headers=headers)
    assert answer.is_success, answer.text
    return dict(answer.json())


def make_runner(folder: Path, stack: Stack, *also_on_path: Path) -> Machine:
    """A machine that nobody signed in on, and which speaks to registries without TLS: the tests' gateway has none."""
    folder.mkdir()
    machine = make_machine(folder, stack.web, also_on_path=also_on_path)
    config = machine.file(".config", "containers", "registries.conf")
    config.parent.mkdir(parents=True)
    config.write_text(f'[[registry]]\nlocation = "{stack.gateway}"\ninsecure = true\n')
    return machine


@contextmanager
def github(issuer: Issuer, about: Claims) -> Iterator[dict[str, str]]:
    """GitHub's service for identities, as a job with `id-token: write` finds it. Yields the job's variables."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            is_job = self.headers.get("Authorization") == f"Bearer {RUNNER_SECRET}"
            found = {"value": issuer.token(about, aud=query["audience"][0])} if is_job else {}
            body = json.dumps(found).encode()
            self.send_response(200 if is_job else 401)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/idtoken/run?api-version=2.0"
    try:
        yield {
            "ACTIONS_ID_TOKEN_REQUEST_URL": url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": RUNNER_SECRET,
            "GITHUB_RUN_ID": "30433642",
            "GITHUB_ACTIONS": "true",
            "CI": "true",
        }
    finally:
        server.shutdown()
        server.server_close()
