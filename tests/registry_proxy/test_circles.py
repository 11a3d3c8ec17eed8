"""An exchange that is over is freed at once: what goes in circles waits for the garbage collector, in cold memory."""

from __future__ import annotations

import gc
import weakref
from typing import cast

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.wanted import Classified
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.registry_side import RegistrySide
from registry_proxy.server.services import Services

HEAD = RequestHead("GET", b"/v2/", (), b"gw", 0, keep_alive=True, expects_continue=False)
FACTS = ExchangeFacts("exc_1", b"http://gw", "", "127.0.0.1")


class Owner:
    """As a conversation does: holds its side, and is asked by it."""

    def __init__(self) -> None:
        nobody = cast("ClientConnection", None)
        self.side = RegistrySide(cast("Services", None), nobody, HEAD, FACTS)
        self.side.bind(self.guard, self.classified)

    def guard(self) -> Reason | None:
        return None

    def classified(self) -> Classified:
        raise AssertionError


def test_side_that_is_let_go_holds_nobody() -> None:
    gc.disable()
    try:
        owner = Owner()
        gone = weakref.ref(owner)
        owner.side.let_go()
        assert owner.side._guard() is Reason.INTERNAL_ERROR  # and lets nothing through any more
        del owner
        assert gone() is None
    finally:
        gc.enable()
