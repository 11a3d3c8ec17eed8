"""The gateway's API over HTTP: JSON in, JSON or a `Trouble` out.

What it upholds: the token goes to the one address that was named, over TLS unless that is this machine; no redirect is
followed; nothing is sent twice unless a repeat changes nothing; an answer is bounded in size and in time, and believed
only when it is JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from jit_access.cli.answers import Answer, read_answer
from jit_access.cli.settings import Site
from jit_access.cli.troubles import Exit, Trouble, trouble_of
from jit_access.cli.version import VERSION

API = "/api/v1"
KEY_HEADER = "Idempotency-Key"
STEP_TIMEOUT_S = 30.0  # without a byte
WHOLE_TIMEOUT_S = 90.0  # of one answer, however it trickles
_TRIES = 4
_PAUSES_S = (0.3, 1.0, 2.5)
_LONGEST_PAUSE_S = 20.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_SAFE = frozenset({"GET", "HEAD"})


class Client:
    """One gateway, as one account. Nothing is kept open between calls."""

    def __init__(self, site: Site, token: str = "") -> None:
        self.site = site
        self.token = token

    def get(self, path: str, **query: object) -> Any:
        """The body of an answer of the API."""
        given = {name: _query_word(value) for name, value in query.items() if value not in {None, ""}}
        return self.call("GET", f"{API}{path}{'?' if given else ''}{urlencode(given)}")

    def post(
        self, path: str, body: Mapping[str, object] | None = None, *, key: str = "", is_repeatable: bool = False
    ) -> Any:
        """Change something. With a key, or where a repeat is a no-op, it is tried again when the network fails."""
        return self.call("POST", API + path, body or {}, key=key, is_repeatable=is_repeatable)

    def pages(self, path: str, *, at_most: int = 1000, **query: object) -> Iterator[dict[str, Any]]:
        """The rows of a list that comes in pages."""
        cursor, count = "", 0
        while True:
            page = self.get(path, **query, cursor=cursor)
            for row in _rows(page):
                yield row
                count += 1
                if count >= at_most:
                    return
            # Of the address of the next page only the cursor counts: the rest could point elsewhere.
            following = page.get("next") if isinstance(page, dict) else None
            cursor = parse_qs(urlsplit(str(following)).query).get("cursor", [""])[0] if following else ""
            if not cursor:
                return

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str = "",
        is_repeatable: bool = False,
    ) -> Any:
        """Send and read. Raises: Trouble, StepUpNeeded among them."""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if raw is not None else {}
        headers |= {KEY_HEADER: key} if key else {}
        answer = self.send(method, path, raw, headers, is_repeatable=is_repeatable or bool(key) or method in _SAFE)
        if 200 <= answer.status < 300:
            return answer.document()
        raise refusal_of(answer, self.site)

    def send(
        self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str], *, is_repeatable: bool
    ) -> Answer:
        """The answer, whatever its status. Raises: Trouble when there is none."""
        tries = _TRIES if is_repeatable else 1
        for count in range(1, tries + 1):
            try:
                answer = self._once(method, path, raw, headers)
            except Trouble as trouble:
                if count == tries or trouble.code not in {"no-answer", "not-reached"}:
                    raise
                time.sleep(_PAUSES_S[count - 1])
                continue
            # A conflict that says when to come again: the first one with this key is not done yet.
            is_early = answer.status == 409 and bool(answer.header("Retry-After"))
            if count == tries or not (answer.status in _TRY_AGAIN or is_early):
                return answer
            time.sleep(_pause_s(answer, count))
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str]) -> Answer:
        from jit_access.cli.wire import Deadline, connect, exchange, open_connection  # noqa: PLC0415  # loads http.client and ssl

        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"jit/{VERSION}"} | dict(
            headers
        )
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        connection, deadline = connect(self.site, STEP_TIMEOUT_S), Deadline(WHOLE_TIMEOUT_S)
        try:
            open_connection(connection, self.site)
            deadline.begin(connection)
            return read_answer(exchange(connection, self.site, method, path, raw, sent), self.site)
        finally:
            deadline.cancel()
            connection.close()
            if deadline.is_over:  # an answer that is cut short can look like a whole one
                raise Trouble(f"{self.site.address} answers too slowly.", Exit.AWAY, code="too-slow")


def path_of(*parts: str) -> str:
    """`/grants/<id>/end`, with each part quoted whole: what somebody typed names one thing, never another address."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def refusal_of(answer: Answer, site: Site) -> Trouble:
    """What ended the call, in words."""
    if 300 <= answer.status < 400:
        return Trouble(
            f"{site.address} points somewhere else (status {answer.status}). Nothing was sent there.",
            Exit.AWAY,
            code="redirected",
            advice=f"It points to {answer.place}" if answer.place else "",
        )
    problem = answer.problem()
    if problem is None:
        return Trouble(
            f"{site.address} answered {answer.status}, not as the gateway does.",
            Exit.AWAY,
            code="not-the-gateway",
            advice="Is this its address? A proxy or a sign-in page in between answers like this",
        )
    return trouble_of(answer.status, problem, answer.challenge())


def _pause_s(answer: Answer, count: int) -> float:
    asked = answer.header("Retry-After")
    wished = float(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 0.0
    return min(max(wished, _PAUSES_S[count - 1]), _LONGEST_PAUSE_S)


def _query_word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rows(page: object) -> list[dict[str, Any]]:
    rows = page.get("results") if isinstance(page, dict) else page
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Trouble("The gateway's list is not one.", Exit.AWAY, code="not-the-gateway")
    return rows
