"""What came back: read whole, within a size and a time, and understood only when it is what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jit_access.cli.settings import Site
from jit_access.cli.troubles import Exit, Trouble

if TYPE_CHECKING:
    import http.client

MAX_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_PARAMETER = re.compile(r'([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.IGNORECASE)


class Answer:
    """Status, headers (names in lower case) and body of one answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self._headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    def header(self, name: str) -> str:
        return self._headers.get(name.lower(), "")

    @property
    def place(self) -> str:
        """Where a redirect points: scheme and host alone, which are no secret and cannot be long."""
        try:
            parts = urlsplit(self.header("Location"))
            return f"{parts.scheme}://{parts.hostname}"[:200] if parts.hostname else ""
        except ValueError:
            return ""

    def document(self) -> Any:
        """The JSON of a good answer; None for one that says that it has no body. Raises: Trouble."""
        if self.status == 204:
            return None
        found = self._json()
        if found is None:
            raise Trouble(
                "The answer is not JSON, so it is not the gateway's.",
                Exit.AWAY,
                code="not-the-gateway",
                advice="Is JIT_ADDR its address? A proxy or a sign-in page in between answers like this",
            )
        return found

    def problem(self) -> Mapping[str, object] | None:
        """A refusal of the gateway, or None when it is no such thing."""
        found = self._json()
        return found if isinstance(found, dict) and isinstance(found.get("code"), str) else None

    def error(self) -> Mapping[str, str] | None:
        """A refusal in the words of OAuth (RFC 6749, 5.2), or None."""
        found = self._json()
        if not isinstance(found, dict) or not isinstance(found.get("error"), str):
            return None
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def challenge(self) -> Mapping[str, str]:
        """The parameters of WWW-Authenticate."""
        found = _PARAMETER.findall(self.header("WWW-Authenticate"))
        return {name.lower(): quoted or plain for name, quoted, plain in found}

    def _json(self) -> Any:
        kind = self.header("Content-Type").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def read_answer(response: http.client.HTTPResponse, site: Site) -> Answer:
    """All of it. Raises: Trouble for one that is too large or cut off."""
    pieces, size = [], 0
    try:
        while piece := response.read1(_PIECE_BYTES):
            size += len(piece)
            if size > MAX_BYTES:
                raise Trouble(f"{site.address} answered with more than anybody asked for.", Exit.AWAY, code="too-large")
            pieces.append(piece)
        length = response.length
    except (OSError, ValueError) as exc:
        raise Trouble(f"{site.address} stopped in the middle of its answer.", Exit.AWAY, code="no-answer") from exc
    finally:
        response.close()
    if length:  # bytes that were promised and did not come
        raise Trouble(f"{site.address} stopped in the middle of its answer.", Exit.AWAY, code="no-answer")
    return Answer(response.status, dict(response.getheaders()), b"".join(pieces))
