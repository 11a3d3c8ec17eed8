"""The parent of several workers: it holds the listening sockets and keeps the workers alive, and does nothing else.

It never accepts a client's connection, so it may stay as it is while workers come and go (ADR 0011). It loads neither
the event loop nor the clients of the workers: small, and little that could break.
"""

from registry_proxy.supervisor.main import supervise

__all__ = ["supervise"]
