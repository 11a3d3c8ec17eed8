"""`manage.py publish_views`: sends views to the proxies and beats, until SIGTERM."""

from __future__ import annotations

import signal
from threading import Event
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from jit_access.proxy_sessions.publisher import Publisher


class Command(BaseCommand):
    help = "Send session views to the proxies, with a heartbeat every 250 ms. Ends at SIGTERM."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run until told to stop."""
        stop = Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        Publisher().run(stop)
