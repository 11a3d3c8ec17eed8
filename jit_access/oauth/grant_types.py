"""Every way to get a token, in one list. A room's grant registers here, and nowhere else."""

from __future__ import annotations

from functools import cache
from typing import Any

from jit_access.oauth.server import Server

# (grant, its extensions). RFC 8693 is `oauth.token_exchange`, once it is written.
GRANTS: tuple[tuple[type[Any], tuple[Any, ...]], ...] = ()


@cache
def server() -> Server:
    """The server with all of its grants."""
    made = Server()
    for grant, extensions in GRANTS:
        made.register_grant(grant, list(extensions))
    return made
