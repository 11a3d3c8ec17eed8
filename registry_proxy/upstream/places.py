"""Where a request for a target may go: to the registry, and to what an operator named beside it (ADR 0010).

A registry is believed about its own bytes, never about who else is to get our credential or whom else we are to ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.origins import Origin, parse_origin, parse_reference, parse_url
from registry_proxy.protocols.signing_in import Challenge
from registry_proxy.upstream.failure import UpstreamError, away


@dataclass(frozen=True, slots=True)
class Places:
    """The registry's own origin, the token services that may get the credential, and the stores that never do."""

    home: Origin
    token_services: frozenset[Origin]
    stores: frozenset[Origin]

    def token_place(self, challenge: Challenge) -> tuple[Origin, str]:
        """Where the realm of a challenge is. Raises UpstreamError for a place that nobody named (CVE-2026-33540)."""
        try:
            realm, path = parse_url(challenge.realm)
        except ValueError as exc:
            raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED) from exc
        if realm != self.home and realm not in self.token_services:
            raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED, place=str(realm))
        return realm, path

    def next_place(self, url: str, location: bytes | None) -> tuple[Origin, str]:
        """Where a redirect leads. Raises UpstreamError for a place that nobody named."""
        try:
            origin, path = parse_reference(url, location or b"")
        except ValueError as exc:
            raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED) from exc
        if origin != self.home and origin not in self.stores:
            raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED, place=str(origin))
        return origin, path


def places_of(target: TargetFacts) -> Places:
    """The places of a target. Raises UpstreamError when its own address cannot be read."""
    try:
        home = parse_origin(target.base_url)
    except ValueError as exc:
        raise away() from exc
    return Places(home, _named(target.token_origins, home), _named(target.redirect_origins, home))


def _named(texts: Iterable[str], home: Origin) -> frozenset[Origin]:
    """What cannot be read, or leads from https down to http, opens nothing; the others still count."""
    origins = []
    for text in texts:
        try:
            origins.append(parse_origin(text))
        except ValueError:
            continue
    return frozenset(origin for origin in origins if origin.is_tls or not home.is_tls)
