"""A reason into the answer that a client can act on."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import INSUFFICIENT_SCOPE, Answer, shown, status_for
from registry_proxy.protocols.ask_again import sentence_for
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.oci.challenge import our_challenge, read_scope
from registry_proxy.protocols.oci.errors import error_answer
from registry_proxy.protocols.wanted import Classified, Wanted


def gate_answer(reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
    """The gate's no, as a registry would say it: 401 where signing in helps, 403 where it does not, 503 for now."""
    status, wanted = status_for(reason), classified.wanted
    is_token_route = classified.route == "token"
    if is_token_route and status == 403:
        status = 401  # containers/image shows the message of a token answer only for 401
    answer = error_answer(status, reason, sentence_for(reason, facts, wanted or _asked_by_scope(classified)))
    if status == 401:
        if is_token_route:
            return answer.with_headers((b"www-authenticate", b'Basic realm="' + facts.origin + b'/token"'))
        error = "" if reason is Reason.TOKEN_MISSING else "invalid_token"
        return answer.with_headers((b"www-authenticate", our_challenge(facts.origin, wanted, error)))
    # oras asks for a new token only on a 403 that carries a challenge (oras/provider.py, do_request).
    if shown(reason) in INSUFFICIENT_SCOPE:
        return answer.with_headers((b"www-authenticate", our_challenge(facts.origin, wanted, "insufficient_scope")))
    return answer


def _asked_by_scope(classified: Classified) -> tuple[Wanted, ...]:
    """At the token's address the scope tells what the client is about to ask for."""
    scopes = (value for key, value in classified.query if key == "scope")
    return next((found for text in scopes if (found := read_scope(text))), ())
