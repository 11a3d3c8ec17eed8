"""A small but faithful hub, as `huggingface_hub` needs one, driven only by the real client."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

from tests.support.hub.http import TOKEN, HubRequest
from tests.support.hub.repositories import Hub, HubRepository
from tests.support.hub.serving import HubServer
from tests.support.hub.store import HubStore

__all__ = ["TOKEN", "Hub", "HubRepository", "running_hub"]


@contextlib.contextmanager
def running_hub() -> Iterator[Hub]:
    """The hub and its store, each an origin of its own."""
    hub = Hub()
    with _running(hub, HubServer) as hub.base_url, _running(hub, HubStore) as hub.store_url:
        yield hub


@contextlib.contextmanager
def _running(hub: Hub, kind: type[HubRequest]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type(kind.__name__, (kind,), {"hub": hub}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
