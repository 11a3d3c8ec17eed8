"""The first thing that a request meets: no body larger than any view of ours takes.

Django reads a whole body into a file before it asks who sent it, so without this anybody could fill our disk.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from jit_access.core.problems import CONTENT_TYPE, problem
from jit_access.domain.reasons import Reason

Message = Mapping[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_STATUS: Final = 413
_ANSWER: Final = json.dumps(problem(Reason.REQUEST_TOO_LARGE, status=_STATUS)).encode()
_HEADERS: Final = [
    (b"content-type", CONTENT_TYPE.encode()),
    (b"content-length", str(len(_ANSWER)).encode()),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),  # the rest of the body is not worth reading
]


class BodyLimit:
    """An ASGI application around another one. Answers 413 to a body of more than `limit` bytes, told or counted."""

    def __init__(self, app: App, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _told_length(scope) > self.limit:
            await _refuse(send)
            return
        left, is_refused = self.limit, False

        async def counted() -> Message:
            nonlocal left, is_refused
            message = await receive()
            left -= len(message.get("body", b""))
            if left >= 0:
                return message
            is_refused = True
            return {"type": "http.disconnect"}  # the application forgets what it has read

        await self.app(scope, counted, send)
        if is_refused:
            await _refuse(send)


def _told_length(scope: Scope) -> int:
    told = dict(scope["headers"]).get(b"content-length", b"0")
    return int(told) if told.isdigit() else 0


async def _refuse(send: Send) -> None:
    await send({"type": "http.response.start", "status": _STATUS, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _ANSWER})
