"""A gateway in front of a hub, and its unmodified client."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import HfApi

from tests.support.gateway import Gateway, Held, Pins, running_gateway
from tests.support.hub import TOKEN, Hub

SLUG = "hub"


@contextlib.contextmanager
def hub_gateway(folder: Path, hub: Hub, pins: Pins) -> Iterator[Gateway]:
    """`pins` is what the control plane keeps: the same for every process."""
    with running_gateway(folder, pins=pins) as running:
        running.add_target(SLUG, hub.base_url, "", TOKEN, kind="hf", redirect_origins=(hub.store_url,))
        yield running


def endpoint(gateway: Gateway) -> str:
    return f"{gateway.url}/hf/{SLUG}"


def api(gateway: Gateway, held: Held) -> HfApi:
    return HfApi(endpoint=endpoint(gateway), token=held.token)


def raw_answer(
    gateway: Gateway, held: Held | None, path: str, method: str = "GET", body: bytes | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """One request as no client would send it."""
    connection = http.client.HTTPConnection(gateway.host, timeout=20)
    headers = {"Authorization": f"Bearer {held.token}"} if held is not None else {}
    try:
        connection.request(method, f"/hf/{SLUG}{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()
