"""A body is bounded before Django keeps any of it, whether its length is told or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from jit_access.core.body_limit import BodyLimit, Receive, Send

LIMIT = 10


def ask(*parts: bytes, told: bytes = b"") -> tuple[int, bytes, bytes]:
    """The status, the answer's body, and what the application had read when it answered."""
    kept: list[bytes] = []
    sent: list[Mapping[str, Any]] = []
    coming = [{"type": "http.request", "body": part, "more_body": at < len(parts)} for at, part in enumerate(parts, 1)]

    async def application(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            kept.append(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    async def receive() -> Mapping[str, Any]:
        return coming.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", told)] if told else []}
    asyncio.run(BodyLimit(application, limit=LIMIT)(scope, receive, send))
    start, end = sent
    return start["status"], end["body"], b"".join(kept)


@pytest.mark.parametrize("told", [b"10", b""])
def test_a_body_of_the_limit_passes(told: bytes) -> None:
    assert ask(b"01234", b"56789", told=told) == (200, b"fine", b"0123456789")


def test_a_longer_one_is_refused_by_its_told_length_unread() -> None:
    status, body, read = ask(b"0123456789a", told=b"11")
    assert (status, json.loads(body)["code"], read) == (413, "request-too-large", b"")


@pytest.mark.parametrize("told", [b"", b"3", b"x"])
def test_a_longer_one_is_refused_by_counting(told: bytes) -> None:
    status, body, read = ask(b"01234", b"56789", b"a", b"more", told=told)
    assert (status, json.loads(body)["code"], read) == (413, "request-too-large", b"0123456789")
