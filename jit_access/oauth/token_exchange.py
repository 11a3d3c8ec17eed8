"""A workload's own token becomes a short access token of the agent that it stands for (RFC 8693; ADR 0032).

The subject token is the proof: there is no client secret and no refresh token. What comes out lasts no longer than the
subject token, the trust and fifteen minutes, may do no more than the trust says, and opens our API only. Outsiders get
one constant answer whatever was wrong; the log says which check it was. Whoever is known by a trust learns the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin  # type: ignore[import-untyped]  # ships no types
from django.conf import settings

from jit_access.accounts.models import User
from jit_access.accounts.standing import STOPPED
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import NOBODY, ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, GatewayError, PeerError
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault
from jit_access.oauth.access_tokens import IssuedAccessToken, Terms, issue_access_token, revoke_all
from jit_access.oauth.clients import TOKEN_EXCHANGE
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import AccessToken
from jit_access.oauth.scopes import Scope, format_scope, parse_scope
from jit_access.oauth.server import Answer, answer_with
from jit_access.workloads import selectors
from jit_access.workloads.kinds import RULES, IssuerKind
from jit_access.workloads.models import WorkloadTrust
from jit_access.workloads.services import Workload, note_trust_use, read_subject_token, use_once

_TYPE: Final = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN: Final = _TYPE + "access_token"
# What a token says it is (`typ`) for what the request says it is: one kind must not pass for another.
_TYPES: Final[Mapping[str, frozenset[str]]] = {
    _TYPE + "jwt": frozenset({"jwt", "at+jwt"}),
    _TYPE + "id_token": frozenset({"jwt"}),
    ACCESS_TOKEN: frozenset({"at+jwt"}),
}
_STATUS_AWAY: Final = 503


class ExchangeRefused(Refused):
    """A refusal that tells the log whom it was about, as far as that was found out."""

    def __init__(self, error: str, reason: Reason, *, check: str = "", **more: Any) -> None:
        self.actor: ActorRef = more.pop("actor", NOBODY)
        self.facts: Mapping[str, str | int | bool] = more.pop("facts", {})
        super().__init__(error, reason, check=check, **more)


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # ships no types
    """Subject token in, access token out."""

    GRANT_TYPE: Final = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["none"]

    def validate_token_request(self) -> None:
        """What can be said without looking at the token. Raises: Refused."""
        data: Mapping[str, str] = self.request.payload.data
        if "Authorization" in self.request.http.headers or "client_secret" in data:
            sentence = "The subject token says who you are. Send no client secret with it."
            raise Refused("invalid_request", Reason.INVALID_INPUT, sentence, check="two-proofs")
        if "actor_token" in data or "actor_token_type" in data:
            sentence = "An actor token does not count here: the subject token says who acts."
            raise Refused("invalid_request", Reason.INVALID_INPUT, sentence, check="actor-token")
        if "subject_token" not in data or data.get("subject_token_type") not in _TYPES:
            sentence = f"Send subject_token, and as subject_token_type one of {', '.join(_TYPES)}."
            raise Refused("invalid_request", Reason.INVALID_INPUT, sentence, check="subject-token-type")
        if data.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            sentence = f"Only {ACCESS_TOKEN} is given."
            raise Refused("invalid_request", Reason.INVALID_INPUT, sentence, check="requested-token-type")
        # RFC 8693, 2.2.2: somewhere else is not ours to give.
        if data.get("audience", _here()) != _here() or data.get("resource", _api()) not in {_here(), _api()}:
            sentence = f"Tokens are for {_here()} only."
            raise Refused("invalid_target", Reason.INVALID_INPUT, sentence, check="target")
        self.wanted = _scope_of(data.get("scope", ""))

    def create_token_response(self) -> Answer:
        """Raises: Refused, recorded by the server."""
        data: Mapping[str, str] = self.request.payload.data
        workload = self._read(data)
        trust = _only_one(workload, data.get("client_id", ""))
        try:
            issued = self._issue(workload, trust)
        except TokenFault as fault:
            raise _outside(fault.code, workload) from fault
        except GatewayError as error:
            code = "invalid_scope" if error.reason is Reason.WIDER_THAN_TRUSTED else "invalid_grant"
            status = 403 if error.reason in {*STOPPED, Reason.LOCKED} else 400
            raise ExchangeRefused(
                code, error.reason, sentence=error.sentence, status_code=status, actor=trust.agent.ref,
                facts=_facts(workload) | {"trust": trust.public_id},
            ) from error  # fmt: skip
        return answer_with(issued, issued_token_type=ACCESS_TOKEN)

    def _read(self, data: Mapping[str, str]) -> Workload:
        try:
            workload = read_subject_token(data["subject_token"], now=clock.now(), address=self.request.address)
        except TokenFault as fault:
            raise _outside(fault.code) from fault
        except PeerError as error:
            raise ExchangeRefused("temporarily_unavailable", error.reason, status_code=_STATUS_AWAY) from error
        if workload.token_type not in _TYPES[data["subject_token_type"]]:
            raise _outside("type", workload)
        return workload

    def _issue(self, workload: Workload, trust: WorkloadTrust) -> IssuedAccessToken:
        agent = trust.agent
        with audited(actor=agent.ref) as audit:
            row = _lock(trust)
            now = clock.now()
            if (fault := selectors.fault_of(row, now)) is not None:
                raise CallerError(fault)
            if row.needs_key and not self.request.jkt:
                raise CallerError(
                    Reason.KEY_PROOF_MISSING, "This workload gets only tokens that belong to a key (DPoP)."
                )
            scope = _narrowed(self.wanted, row)
            use_once(workload)
            terms = Terms(
                lasts=timedelta(seconds=row.longest_token_s),
                not_after=min(workload.expires_at, row.expires_at),
                scope=scope,
                address=self.request.address,
                jkt=self.request.jkt,
                act={"iss": workload.issuer.issuer, "sub": workload.subject},
                trust_id=row.public_id,
            )
            issued = issue_access_token(actor=agent.ref, user=agent, terms=terms)
            note_trust_use(trust=row, now=now)
            audit.record(
                "workload.exchanged",
                decision="allow",
                address=self.request.address,
                detail=_facts(workload)
                | {
                    "account": agent.public_id,
                    "trust": row.public_id,
                    "token": issued.token.public_id,
                    "scope": scope,
                    "lasts_s": issued.expires_in_s,
                    "is_bound": bool(issued.token.jkt),
                },
            )
        return issued


def end_with_trust(actor: ActorRef, trust: WorkloadTrust) -> None:
    """What was got under a trust ends with it. Handler of `workloads.changes`."""
    tokens = AccessToken.objects.filter(trust_id=trust.public_id)
    revoke_all(actor=actor, tokens=tokens, because=str(Reason.TRUST_ENDED))


def _only_one(workload: Workload, named: str) -> WorkloadTrust:
    """The trust that this workload fits. Who stands for several agents says for which, as `client_id`."""
    fitting = selectors.matching_trusts(workload.issuer, workload.facts, clock.now())
    if named:
        fitting = tuple(one for one in fitting if named in {one.agent.public_id, one.agent.username})
    if not fitting:
        raise _outside("no-trust", workload)
    if len(fitting) > 1:
        raise _outside("several-trusts", workload)
    return fitting[0]


def _narrowed(wanted: frozenset[Scope], trust: WorkloadTrust) -> str:
    """What was asked for, when the trust goes that far; all that it gives when nothing was. Raises: CallerError."""
    held = frozenset({Scope(trust.scope)})
    if Scope.ACT not in held and Scope.ACT in wanted:
        raise CallerError(Reason.WIDER_THAN_TRUSTED)
    return format_scope(wanted or held)


def _lock(trust: WorkloadTrust) -> WorkloadTrust:
    # The account before the trust, as everywhere: a handover holds the account while it ends what was trusted.
    User.objects.select_for_update(no_key=True).get(pk=trust.agent_id)
    rows = WorkloadTrust.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("agent__owner", "issuer").get(pk=trust.pk)


def _scope_of(text: str) -> frozenset[Scope]:
    try:
        return parse_scope(text)
    except CallerError as error:
        raise Refused("invalid_scope", error.reason, error.sentence, check="scope") from error


def _outside(check: str, workload: Workload | None = None) -> ExchangeRefused:
    """RFC 8693, 2.2.2: `invalid_request` for a subject token that is not taken. One answer for all of them."""
    facts = {} if workload is None else _facts(workload)
    return ExchangeRefused("invalid_request", Reason.WORKLOAD_REFUSED, check=check, facts=facts)


def _facts(workload: Workload) -> dict[str, str | int | bool]:
    """Who it is, in the words of its issuer: which job of which repository, which pod."""
    rules = RULES[IssuerKind(workload.issuer.kind)]
    names = dict.fromkeys((*(rule.name for rule in (*rules.needed, *rules.optional)), *rules.told))
    told = {f"claim.{name}": clean_text(workload.facts[name]) for name in names if name in workload.facts}
    return {"issuer": workload.issuer.issuer, "act": clean_text(workload.subject), **told}


def _here() -> str:
    return str(settings.PUBLIC_URL)


def _api() -> str:
    return f"{settings.PUBLIC_URL}/api/v1"
