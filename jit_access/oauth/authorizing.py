"""A person's decision about a client: what is asked, how sure we must be who answers, and the answer's way back.

An answer goes back only to an address that this client may have. Until that is certain every fault is shown to the
person and sent nowhere (RFC 6749, 4.1.2.1; RFC 9700, 4.11). The answer names us (RFC 9207).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]  # ships no types
from django.conf import settings
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.services import record_refusal as record_refusal_of
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, Level, check_fresh, check_strength
from jit_access.mfa.services import client_address
from jit_access.oauth.clients import KnownClient, find_client, scope_for
from jit_access.oauth.codes import Consent
from jit_access.oauth.errors import Refused, from_gateway, reason_of
from jit_access.oauth.grant_types import server
from jit_access.oauth.scopes import Scope, parse_scope
from jit_access.oauth.strength import ACR
from jit_access.oauth.wire import Message, read_fields

_LEAST_MAX_AGE_S: Final = 60  # a proof is given on the page before; nobody could answer within 0 s


class SentBack(Exception):
    """The client is told of a fault; `address` is where."""

    def __init__(self, address: str, error: OAuth2Error) -> None:
        self.address = address
        self.error = error
        super().__init__(str(error.error))


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks of the person in front of the browser, checked."""

    client: KnownClient
    scopes: frozenset[Scope]
    redirect_uri: str
    fields: Mapping[str, str]  # as they came, to come again with the answer
    max_age_s: int
    level: Level

    @property
    def place(self) -> str:
        """Where the answer goes, for people."""
        return urlsplit(self.redirect_uri).netloc


def read_ask(http: HttpRequest, user: User) -> Ask:
    """What is asked. Raises: CallerError for what must not leave the house; SentBack for what the client is told."""
    try:
        fields = read_fields(http.POST if http.method == "POST" else http.GET)
        client = _check_way_back(fields)
    except Refused as refused:
        record_refusal(http, user, refused, {})
        raise CallerError(refused.reason, str(refused.description)) from refused
    fields = {name: value for name, value in fields.items() if name in _OURS}
    try:
        return _check(http, user, client, fields)
    except OAuth2Error as error:
        record_refusal(http, user, error, fields)
        raise SentBack(address_back(fields, dict(error.get_body())), error) from error


def check_proof(ask: Ask, held: Assurance) -> None:
    """Raises: PolicyRefusal unless the person in front of the browser was proved as asked."""
    check_fresh(held, max_age_s=ask.max_age_s)
    check_strength(held, level=ask.level)


def record_step_up(user: User, refusal: PolicyRefusal) -> None:
    """Write down what `check_proof` asked for."""
    record_refusal_of(actor=user.ref, kind="step-up.asked", reason=refusal.reason, detail=dict(refusal.fields))


def allow(http: HttpRequest, user: User, ask: Ask, held: Assurance) -> str:
    """The person said yes. Returns the address to go back to, with the code. Raises: PolicyRefusal as `check_proof`."""
    check_proof(ask, held)
    message = Message(http, dict(ask.fields))
    message.consent = Consent(
        user=user,
        client=ask.client.client_id,
        client_name=ask.client.name,
        scope=ask.client.get_allowed_scope(ask.fields.get("scope")),
        redirect_uri=ask.redirect_uri,
        code_challenge=ask.fields["code_challenge"],
        assurance=held,
        address=client_address(http),
    )
    grant = server().get_consent_grant(message, user)
    return server().create_authorization_response(message, user, grant).location  # type: ignore[no-any-return]


def deny(http: HttpRequest, user: User, ask: Ask) -> str:
    """The person said no. Returns the address to go back to."""
    error = Refused("access_denied", Reason.CONSENT_DENIED)
    record_refusal(http, user, error, ask.fields)
    return address_back(ask.fields, dict(error.get_body()))


def address_back(fields: Mapping[str, str], answer: Mapping[str, str]) -> str:
    """The client's address with an answer: the state as it came, and who answers."""
    more = {"state": fields["state"]} if "state" in fields else {}
    pairs = list({**answer, **more, "iss": settings.PUBLIC_URL}.items())
    return str(add_params_to_uri(fields["redirect_uri"], pairs))


def record_refusal(http: HttpRequest, user: User, error: OAuth2Error, fields: Mapping[str, str]) -> None:
    """Write down that nothing was given."""
    facts = {
        "error": str(error.error),
        "check": error.check if isinstance(error, Refused) else "",
        "client": fields.get("client_id", "")[:64],
    }
    record_outside_refusal(
        actor=user.ref,
        kind="oauth.refused",
        reason=reason_of(error),
        address=client_address(http),
        detail={name: value for name, value in facts.items() if value},
    )


_OURS: Final = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
        "acr_values", "max_age",
    }
)  # fmt: skip


def _check_way_back(fields: Mapping[str, str]) -> KnownClient:
    client = find_client(fields.get("client_id", ""))
    if client is None:
        raise Refused("invalid_client", Reason.CLIENT_UNKNOWN, "No client of this name is known here.")
    if not client.check_redirect_uri(fields.get("redirect_uri", "")):
        sentence = "The answer would go to an address that this client may not have."
        raise Refused("invalid_request", Reason.CLIENT_NOT_ALLOWED, sentence, check="redirect")
    return client


def _check(http: HttpRequest, user: User, client: KnownClient, fields: dict[str, str]) -> Ask:
    if fields.get("response_type") != "code":
        raise Refused("unsupported_response_type", Reason.CLIENT_NOT_ALLOWED, "Only response_type=code is known.")
    allowed = scope_for(client, fields.get("scope"))
    if not user.is_person:
        raise from_gateway(PolicyRefusal(Reason.NOT_FOR_AGENTS))
    server().get_consent_grant(Message(http, fields), user)
    return Ask(
        client=client,
        scopes=parse_scope(allowed),
        redirect_uri=fields["redirect_uri"],
        fields=fields,
        max_age_s=_max_age(fields.get("max_age", "")),
        level=_level(fields.get("acr_values", "")),
    )


def _max_age(text: str) -> int:
    if not text:
        return STEP_UP_MAX_AGE_S
    if not text.isdecimal() or len(text) > 9:
        raise Refused("invalid_request", Reason.INVALID_INPUT, "max_age is a number of seconds.")
    return max(_LEAST_MAX_AGE_S, min(int(text), STEP_UP_MAX_AGE_S))


def _level(text: str) -> Level:
    """The weakest of the values that would do: they come in order of preference, and any will do (RFC 9470, 4)."""
    known = [level for level, word in ACR.items() if word in text.split()]
    if text and not known:
        raise Refused("unmet_authentication_requirements", Reason.INVALID_INPUT, "No such acr_values are known here.")
    return min(known, default=Level.SECOND_FACTOR)
