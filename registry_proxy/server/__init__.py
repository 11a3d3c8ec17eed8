"""The shell around the exchange machine: listeners, client connections, the drain, the admin page.

It owns sockets and tasks and carries out commands; what is allowed, and in which order, is decided elsewhere.
"""

from registry_proxy.server.main import run_worker, serve

__all__ = ["run_worker", "serve"]
