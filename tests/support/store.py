"""A real moto server: S3 over HTTP in a process of its own, and boto3 clients of it and of the gateway."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from jit_access.domain.signing_secrets import derive_secret
from registry_proxy.protocols.dialects import make_dialects
from registry_proxy.settings import VIEW_KEY_BYTES, Limits
from tests.support.gateway import Gateway, Held, running_gateway
from tests.support.processes import accepts, free_port, running, start, wait_ready

KEY_ID, SECRET = "AKIAUPSTREAM", "upstream-secret"
# `moto` checks nothing; what the gateway signs is checked against botocore in tests/registry_proxy/protocols.
_SERVE = "from moto.server import ThreadedMotoServer as S; s = S('127.0.0.1', {port}); s.start(); s._thread.join()"


@dataclass
class Store:
    url: str

    def client(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET,
            region_name="us-east-1", config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip


@contextlib.contextmanager
def store_gateway(
    folder: Path, store: Store, *, tls: tuple[Path, Path] | None = None, bucket_host: str = "",
    limits: Limits | None = None,
) -> Iterator[Gateway]:  # fmt: skip
    """A gateway in front of a store."""
    dialects = make_dialects(bytes(VIEW_KEY_BYTES), bucket_host=bucket_host)
    with running_gateway(folder, tls=tls, dialects=dialects, limits=limits) as running:
        running.add_target("store", store.url, KEY_ID, SECRET, kind="s3")
        yield running


@contextlib.contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    port = free_port()
    store = Store(f"http://127.0.0.1:{port}")
    command = [sys.executable, "-W", "ignore", "-c", _SERVE.format(port=port)]
    with running(start("moto", command, folder=folder)) as child:
        wait_ready(child, lambda: accepts(port))
        yield store


def keys_of(gateway: Gateway, held: Held) -> tuple[str, str, str]:
    """Key id, secret and token, as a page would show them."""
    lease = held.view.leases[0]
    secret = derive_secret(gateway.settings.view_key, lease_id=lease.lease_id, token_hash=lease.token_hash)
    return lease.lease_id, secret, held.token


def client_of(
    gateway: Gateway, held: Held, *, slug: str = "store", base: str = "", verify: str | bool = True, **more: Any
) -> Any:
    """An unmodified boto3 client of a grant's holder."""
    key_id, secret, token = keys_of(gateway, held)
    return boto3.client(
        "s3", endpoint_url=f"{base or gateway.url}/s3/{slug}", aws_access_key_id=more.pop("key_id", key_id),
        aws_secret_access_key=more.pop("secret", secret), aws_session_token=more.pop("token", token),
        region_name="eu-central-1", verify=verify,
        config=Config(retries={"max_attempts": 1}, **more),
    )  # fmt: skip
