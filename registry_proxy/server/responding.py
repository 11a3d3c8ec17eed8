"""Heads of the responses that we write."""

from __future__ import annotations

from http import HTTPStatus

from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.http1 import CHUNKED, Headers, ResponseHead, render_head

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})


def render_answer(answer: Answer, method: str, request_id: str, *, closes: bool) -> bytes:
    """A whole response of ours."""
    fields = [*answer.headers, (b"x-request-id", request_id.encode("ascii")),
              (b"x-content-type-options", b"nosniff")]  # fmt: skip
    if answer.status not in _WITHOUT_BODY and not any(name == b"content-length" for name, _ in fields):
        fields.append((b"content-length", b"%d" % len(answer.body)))
    head = _render(answer.status, tuple(fields), closes=closes)
    return head if method == "HEAD" or answer.status in _WITHOUT_BODY else head + answer.body


def render_relay_head(
    status: int, headers: Headers, upstream: ResponseHead, method: str, request_id: str, *, closes: bool
) -> bytes:  # fmt: skip
    """The head of a relayed response: its framing is ours, its length the registry's."""
    fields = [*headers, (b"x-request-id", request_id.encode("ascii"))]
    if method == "HEAD" or status == 304:
        declared = upstream.get(b"content-length")
        if declared is not None:
            fields.append((b"content-length", declared))
    elif upstream.length == CHUNKED:
        fields.append((b"transfer-encoding", b"chunked"))
    elif status not in _WITHOUT_BODY:
        fields.append((b"content-length", b"%d" % upstream.length))
    return _render(status, tuple(fields), closes=closes)


def render_kept_head(headers: Headers, size: int, request_id: str, *, closes: bool) -> bytes:
    """The head before a kept body: the registry's fields about the body, our framing."""
    fields = (*headers, (b"x-request-id", request_id.encode("ascii")), (b"content-length", b"%d" % size))
    return _render(200, fields, closes=closes)


def render_switch(headers: Headers, upgrade: bytes, request_id: str) -> bytes:
    """The head after which the connection is raw."""
    fields = (*headers, (b"x-request-id", request_id.encode("ascii")), (b"upgrade", upgrade))
    return render_head(b"HTTP/1.1 101 Switching Protocols", (*fields, (b"connection", b"upgrade")))


def _render(status: int, headers: Headers, *, closes: bool) -> bytes:
    line = b"HTTP/1.1 %d %b" % (status, _REASONS.get(status, b"Status"))
    return render_head(line, (*headers, (b"connection", b"close" if closes else b"keep-alive")))
