"""Proves the gateway's credential to a registry, by Basic or by the token service the registry names.

The password leaves only for the configured origin and for token services that an operator named beside it (ADR 0010):
any other is refused, because whoever can answer for the registry could name their own.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

from jit_access.connectors.links import find_place
from jit_access.connectors.oci.challenge import Challenge, parse_challenge
from jit_access.connectors.wire import Reply, Wire
from jit_access.core.secret import Secret
from jit_access.domain.reasons import Reason

MAX_TOKEN_CHARS = 16 * 1024


class RegistrySession:
    """Authenticated GETs to one registry. Answers a challenge once per request and scope, never in a loop."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._authorization: dict[str, Secret] = {}  # scope -> header value; "" for Basic and scope-less tokens

    def get(self, path: str, *, scope: str = "", accept: str = "application/json") -> Reply:
        """GET with the credential if the registry asks for one. Raises PeerError; a 404 is handed back."""
        reply = self._try(path, scope, accept)
        if reply.status == 401:
            self._answer(reply, scope)
            reply = self._try(path, scope, accept)
        if reply.status in (401, 403):
            self.wire.refuse(Reason.UPSTREAM_REFUSED_CREDENTIAL, "refuses the credential")
        if reply.status == 429 or reply.status >= 500:
            self.wire.postpone(f"answers {reply.status}")
        return reply

    def read_json(self, reply: Reply) -> dict[str, Any]:
        """The body as a JSON object. Raises Permanent when it is anything else."""
        try:
            body = json.loads(reply.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self.wire.refuse(Reason.UPSTREAM_BROKEN, "answers with something that is not a registry's JSON")
        return body

    def _try(self, path: str, scope: str, accept: str) -> Reply:
        headers = {"Accept": accept}
        value = self._authorization.get(scope) or self._authorization.get("")
        if value is not None:
            headers["Authorization"] = value.reveal()
        return self.wire.get(path, headers=headers)

    def _answer(self, reply: Reply, scope: str) -> None:
        challenge = parse_challenge(reply.headers.get("www-authenticate", ""))
        if challenge is None:
            self.wire.refuse(Reason.UPSTREAM_BROKEN, "asks for a kind of credential that registries do not use")
        if not self.wire.endpoint.username:
            self.wire.refuse(Reason.UPSTREAM_REFUSED_CREDENTIAL, "asks for a credential, and none was given")
        if challenge.is_bearer:
            self._authorization[scope] = self._fetch_token(challenge, scope)
        else:
            self._authorization[""] = self._basic()

    def _fetch_token(self, challenge: Challenge, scope: str) -> Secret:
        endpoint = self.wire.endpoint
        place = find_place((endpoint.base_url, *endpoint.token_origins), challenge.realm)
        if place is None:
            self.wire.refuse(
                Reason.UPSTREAM_REDIRECT_REFUSED,
                "names a token service elsewhere, and the credential does not go there",
            )
        origin, realm = place
        asked = [("service", challenge.service), ("scope", scope), ("account", endpoint.username)]
        query = urlencode([(name, value) for name, value in asked if value])
        path = f"{realm}{'&' if '?' in realm else '?'}{query}"
        reply = self.wire.get(path, headers={"Authorization": self._basic().reveal()}, origin=origin)
        if reply.status in (400, 401, 403):
            self.wire.refuse(Reason.UPSTREAM_REFUSED_CREDENTIAL, "refuses the credential")
        if reply.status != 200:
            self.wire.postpone(f"answers {reply.status} instead of a token")
        body = self.read_json(reply)
        token = body.get("token") or body.get("access_token")
        if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARS or not token.isascii() or not token.isprintable():
            self.wire.refuse(Reason.UPSTREAM_BROKEN, "answers without a usable token")
        return Secret(f"Bearer {token}")

    def _basic(self) -> Secret:
        endpoint = self.wire.endpoint
        pair = f"{endpoint.username}:{endpoint.password.reveal()}".encode()
        return Secret("Basic " + base64.b64encode(pair).decode("ascii"))
