"""`manage.py publish_views`: sends views to the proxies and beats, until SIGTERM."""

from __future__ import annotations

import signal
from threading import Event
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jit_access.proxy_sessions import pulse
from jit_access.proxy_sessions.publisher import Publisher


class Command(BaseCommand):
    help = "Send session views to the proxies, with a heartbeat every 250 ms. Ends at SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        """One switch, for after a repair."""
        parser.add_argument(
            "--trust-clock",
            action="store_true",
            help="begin with the database's clock as it is, although a later time was told once",
        )

    def handle(self, *_args: Any, trust_clock: bool, **_options: Any) -> None:
        """Run until told to stop."""
        if trust_clock:
            pulse.trust_clock()
        stop = Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        Publisher().run(stop)
