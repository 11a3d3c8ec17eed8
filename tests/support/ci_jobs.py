"""Jobs on somebody else's platform: what it tells a job about itself, and the trust that people put into that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.support.inside import in_the_gateway
from tests.support.machine import Machine, make_machine
from tests.support.stack import Stack
from tests.support.workloads.issuer import Claims, Issuer

AGENT = "ci-bot"
RUNNER_SECRET = "of-this-one-job"


# In the gateway's own process, by its services: what people do on the pages is tried there.
_TRUST = """
import json, os
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.mfa.assurance import Assurance, Level
from jit_access.workloads import services
from jit_access.workloads.kinds import IssuerKind
given = json.loads(os.environ["JIT_TESTS_TRUST"])
ada, ben, bot = (User.objects.get(username=name) for name in ("ada", "ben", given["agent"]))
proof = Assurance(Level.SECOND_FACTOR, clock.now(), 0)
kind = IssuerKind(given["kind"])
named = services.IssuerOrder(kind=kind, name=given["kind"], issuer=given["issuer"], allows_private=True)
issuer = services.add_issuer(actor=ben, order=named, assurance=proof)
order = services.TrustOrder(issuer=issuer, name="The tests' own", claims=given["claims"])
trust = services.propose_trust(actor=ada, agent=bot, order=order, assurance=proof)
services.confirm_trust(actor=ben, trust=trust, assurance=proof)
"""


def trust(stack: Stack, issuer: Issuer, kind: str, claims: Mapping[str, str]) -> None:
    """An operator names the issuer, the agent's owner says which workload it is, a second person confirms."""
    given = json.dumps({"agent": AGENT, "kind": kind, "issuer": issuer.url, "claims": dict(claims)})
    in_the_gateway(stack, _TRUST, JIT_TESTS_TRUST=given)


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
