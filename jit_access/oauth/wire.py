"""Messages to the authorization server, read strictly: each parameter once, bounded, in the place it belongs.

Repeated parameters are two answers to one question, and secrets in a query end up in logs; both are refused before
anything looks at them.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from typing import Final

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request  # type: ignore[import-untyped]  # ships no types
from django.http import HttpRequest, QueryDict

from jit_access.domain.reasons import Reason
from jit_access.mfa.services import client_address
from jit_access.oauth.errors import Refused

FORM: Final = "application/x-www-form-urlencoded"
FORM_BYTES_MAX: Final = 64 * 1024  # a workload's JWT is the largest thing that comes
VALUE_CHARS_MAX: Final = 16 * 1024
_SHORT_CHARS_MAX: Final = 2048
_LONG: Final = frozenset({"subject_token", "actor_token", "assertion"})
_FIELDS_MAX: Final = 30


class Payload(OAuth2Payload):  # type: ignore[misc]  # ships no types
    """The parameters of one message."""

    def __init__(self, data: dict[str, str]) -> None:
        self._data = data

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {name: [value] for name, value in self._data.items()})


class Message(OAuth2Request):  # type: ignore[misc]  # ships no types
    """One message as authlib reads it. `http` is the request that it came in, `address` the peer."""

    def __init__(self, http: HttpRequest, data: dict[str, str]) -> None:
        # authlib would refuse plain HTTP by looking at the address. TLS ends before us, so what Django sees says
        # nothing; that the public address is https is checked where the settings are.
        super().__init__(http.method or "", f"https://oauth{http.path}", headers=http.headers)
        self.http = http
        self.address = client_address(http)
        self.payload = Payload(data)
        self.jkt = ""  # thumbprint of the key that the token will belong to

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


def read_form(http: HttpRequest) -> Message:
    """A message to an endpoint for machines: a POST with a form. Raises: Refused."""
    if http.META.get("QUERY_STRING"):
        raise Refused("invalid_request", Reason.INVALID_INPUT, "Send parameters in the body, not in the address.")
    if http.content_type != FORM:
        raise Refused("invalid_request", Reason.INVALID_INPUT, f"Send a form ({FORM}).")
    if int(http.META.get("CONTENT_LENGTH") or 0) > FORM_BYTES_MAX:
        raise Refused("invalid_request", Reason.REQUEST_TOO_LARGE, status_code=413)
    data = read_fields(http.POST)
    if "Authorization" in http.headers:
        _check_basic(http.headers["Authorization"], data)
    return Message(http, data)


def read_query(http: HttpRequest) -> Message:
    """A message to a page: the query of a GET. Raises: Refused."""
    return Message(http, read_fields(http.GET))


def read_fields(given: QueryDict) -> dict[str, str]:
    """Each parameter once, as printable ASCII. An empty one counts as left out (RFC 6749, 3.1). Raises: Refused."""
    if len(given) > _FIELDS_MAX:
        raise Refused("invalid_request", Reason.INVALID_INPUT, "Too many parameters.")
    found: dict[str, str] = {}
    for name, values in given.lists():
        limit = VALUE_CHARS_MAX if name in _LONG else _SHORT_CHARS_MAX
        if len(values) != 1:
            raise Refused("invalid_request", Reason.INVALID_INPUT, "A parameter was sent twice.", check="repeated")
        if len(name) > 64 or len(values[0]) > limit:
            raise Refused("invalid_request", Reason.INVALID_INPUT, "A parameter is too long.", check="size")
        if not values[0].isascii() or not values[0].isprintable():
            raise Refused("invalid_request", Reason.INVALID_INPUT, "A parameter has odd characters.", check="shape")
        if values[0]:
            found[str(name)] = values[0]
    return found


def _check_basic(header: str, data: dict[str, str]) -> None:
    """One way to authenticate, and one that authlib can read: it fails over text that is no UTF-8."""
    scheme, _, encoded = header.partition(" ")
    try:
        client_id, colon, _ = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except ValueError:
        scheme = client_id = colon = ""
    if scheme.lower() != "basic" or not colon:
        raise Refused("invalid_client", Reason.CLIENT_UNKNOWN, check="header", status_code=401)
    if "client_secret" in data or data.get("client_id", client_id) != client_id:
        raise Refused("invalid_request", Reason.INVALID_INPUT, "Authenticate the client in one way, not in two.")
