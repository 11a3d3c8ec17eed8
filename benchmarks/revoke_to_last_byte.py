"""How long a running download lives after its grant was revoked, with the whole gateway as real processes.

Run: `python benchmarks/revoke_to_last_byte.py`. Starts a stack of its own (two proxies, SQLite, a real registry), opens
16 and then 64 slow downloads over the plain listener, revokes, and prints per stream the milliseconds from the
revocation's commit to the last byte and to the reset, and the bytes that still came. Those bytes include what
the client's own kernel held already; its buffer is made small, so that the numbers are the gateway's.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django
import httpx

from tests.support.processes import wait_for
from tests.support.stack import Stack, running_stack

REPOSITORY = "llm/tiny-llama"
STREAMS = (16, 64)
SLICE_BYTES = 2048
EVERY_S = 0.01
WARM_S = 1.5


@dataclass(slots=True)
class Stream:
    """One slow reader."""

    client: socket.socket
    last_at: float = 0.0
    ended_at: float = 0.0
    after: int = 0


@dataclass(slots=True)
class Revocation:
    """Done in a thread of its own, so that the readers read on."""

    committed_at: float = float("inf")

    def run(self, grant: Any) -> None:
        from django.db import transaction  # noqa: PLC0415  # needs django.setup()

        from jit_access.accounts.models import User  # noqa: PLC0415
        from jit_access.grants.services import revoke_grant  # noqa: PLC0415

        with transaction.atomic():
            transaction.on_commit(self.mark)  # before the proxies are told, which is an on_commit of the service
            revoke_grant(actor=User.objects.get(username="dora"), grant=grant)

    def mark(self) -> None:
        self.committed_at = time.monotonic()


def get_access() -> tuple[Any, str]:
    """Ada asks, Ben approves, Ada starts it and takes a token."""
    from jit_access.access_requests import services as requests  # noqa: PLC0415  # needs django.setup()
    from jit_access.accounts.models import User  # noqa: PLC0415
    from jit_access.domain.operations import Operation  # noqa: PLC0415
    from jit_access.domain.scopes import ResourceScope, make_scope  # noqa: PLC0415
    from jit_access.grants import services as grants  # noqa: PLC0415
    from jit_access.grants.models import Grant  # noqa: PLC0415
    from jit_access.targets.models import Target  # noqa: PLC0415
    from tests.support.lifecycles import fresh  # noqa: PLC0415

    ada, ben = User.objects.get(username="ada"), User.objects.get(username="ben")
    scope = make_scope([ResourceScope(REPOSITORY, frozenset({Operation.PULL}))])
    draft = requests.make_draft(target=Target.objects.get(), scope=scope, lasts_s=3600, purpose="Measure the cut")
    asked = requests.submit_request(actor=ada, draft=draft, assurance=fresh())
    requests.give_verdict(
        actor=ben, request=asked, is_approval=True, note="", payload_hash=asked.payload_hash, assurance=fresh()
    )
    grant = grants.activate_grant(actor=ada, grant=Grant.objects.get(request=asked), assurance=fresh())
    return grant, grants.issue_token(grant=grant, actor=ada).token.reveal()


def largest_blob(stack: Stack, token: str) -> str:
    """The path of the model's largest layer, once the proxies know the token."""
    address = f"http://{stack.gateway}/v2/demo-registry/{REPOSITORY}/manifests/v1"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.oci.image.manifest.v1+json"}
    wait_for(lambda: httpx.get(address, headers=headers, trust_env=False).is_success, "the token is known")
    layers = httpx.get(address, headers=headers, trust_env=False).json()["layers"]
    return f"/v2/demo-registry/{REPOSITORY}/blobs/{max(layers, key=lambda layer: layer['size'])['digest']}"


def open_stream(stack: Stack, path: str, token: str) -> Stream:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = stack.gateway.partition(":")
    client.connect((host, int(port)))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {stack.gateway}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    answer = client.recv(SLICE_BYTES)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"a download did not begin: {answer!r}")
    return Stream(client)


def read_until_cut(streams: list[Stream], revocation: Revocation) -> None:
    """A slice from each stream that has one, again and again."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream.client, selectors.EVENT_READ, stream)
        while selector.get_map():
            for key, _ in selector.select(1.0):
                read_slice(key.data, revocation)
                if key.data.ended_at:
                    selector.unregister(key.fileobj)
            time.sleep(EVERY_S)


def read_slice(stream: Stream, revocation: Revocation) -> None:
    try:
        data = stream.client.recv(SLICE_BYTES)
    except ConnectionResetError:
        data = b""
    now = time.monotonic()
    if not data:
        stream.ended_at = now
        stream.client.close()
        return
    stream.last_at = now
    stream.after += len(data) if now > revocation.committed_at else 0


def measure(stack: Stack, count: int) -> None:
    grant, token = get_access()
    path = largest_blob(stack, token)
    streams = [open_stream(stack, path, token) for _ in range(count)]
    revocation = Revocation()
    timer = threading.Timer(WARM_S, revocation.run, [grant])
    timer.start()
    read_until_cut(streams, revocation)
    timer.join()
    last = [max(0.0, stream.last_at - revocation.committed_at) * 1000 for stream in streams]
    ended = [max(0.0, stream.ended_at - revocation.committed_at) * 1000 for stream in streams]
    after = [stream.after for stream in streams]
    print(
        f"{count:3d} streams  last byte p50 {quantile(last, 0.5):6.1f} ms  p99 {quantile(last, 0.99):6.1f} ms"
        f"  reset p50 {quantile(ended, 0.5):6.1f} ms  p99 {quantile(ended, 0.99):6.1f} ms"
        f"  bytes after: most {max(after)}, all {sum(after)}"
    )


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> None:
    with running_stack(proxies=2) as stack:
        os.environ.update(stack.environment() | {"JIT_LOG_LEVEL": "ERROR"})
        django.setup()
        for count in STREAMS:
            measure(stack, count)


if __name__ == "__main__":
    main()
