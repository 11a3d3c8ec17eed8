"""What one exchange has learned so far, and what follows from it alone: records, scopes, the request that goes out."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.exchange import recording as rec
from registry_proxy.exchange.commands import ExchangeFacts
from registry_proxy.exchange.events import UnexpectedEvent
from registry_proxy.exchange.reach import ReachKey
from registry_proxy.protocols.challenge import scope_words
from registry_proxy.protocols.headers import forwarded_request
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Admission, Classified, Wanted


@dataclass(slots=True)
class Held:
    """Filled in as events come; `admission` is the gate's yes."""

    facts: ExchangeFacts
    head: RequestHead
    classified: Classified
    token: str | None = None
    is_offline: bool = False
    admission: Admission | None = None
    now: float = 0.0
    mount_refused: bool = False
    status: int = 0
    digest: str = ""
    said: dict[str, object] | None = None  # what every record about this exchange begins with
    refused_origin: str = ""  # where the registry pointed, for the operator who may have to name it

    def admitted(self) -> Admission:
        """The gate's yes. Asking before there is one is a bug."""
        if self.admission is None:
            raise UnexpectedEvent("the gate was not asked")
        return self.admission

    # -- the scope

    def resource(self, wanted: Wanted) -> ResourceScope:
        """The part of the scope that covers a question."""
        found = self.admitted().view.scope.find(wanted.repository)
        if found is None:
            raise UnexpectedEvent("the gate admitted a repository outside the scope")
        return found

    def restricted(self) -> ResourceScope | None:
        """The scope of the asked repository when it covers only some references."""
        found = self.resource(self.classified.wanted[0])
        return found if found.is_restricted else None

    def reach_key(self, resource: ResourceScope) -> ReachKey:
        """Under which the reach of a scope is remembered."""
        view = self.admitted().view
        return (view.grant_id, view.target, resource)

    # -- the request

    def upstream_request(self) -> UpstreamRequest:
        """The same request for the registry: what was evaluated, with the fields that may pass."""
        head, classified = self.head, self.classified
        reads_all = self.admitted().verify_digests or (classified.route == "manifest" and bool(self.restricted()))
        headers = forwarded_request(
            head,
            keeps_ranges=not reads_all,
            keeps_content_type=head.method != "POST" or head.length != 0,
            handshake=classified.upgrade.request_fields if classified.upgrade and head.upgrade else frozenset(),
        )
        is_read = classified.route in ("blob", "manifest") and head.method in ("GET", "HEAD")
        return UpstreamRequest(
            head.method, classified.upstream_target, tuple(headers), head.length, _scopes(classified),
            follows_redirects=is_read and not head.upgrade,
            origin=self.facts.origin, request_id=self.facts.exchange_id, upgrade=head.upgrade,
        )  # fmt: skip

    # -- records

    def session(self) -> dict[str, object]:
        """Who, under which grant; empty before the gate said yes."""
        return rec.session_fields(self.admission.view, self.admission.lease) if self.admission else {}

    def fields(self, *, status: int = 0, session: dict[str, object] | None = None) -> dict[str, object]:
        """The fields of any record about this exchange."""
        if self.said is None:
            self.said = rec.exchange_fields(self.facts, self.head.method, self.head.target)
        detail: rec.Detail = {**self.said["detail"]}  # type: ignore[dict-item]  # exchange_fields made it
        fields = {
            **self.said, **(self.session() if session is None else session), **rec.resource_fields(self.classified),
            "detail": detail,
        }  # fmt: skip
        if self.digest:
            detail["digest"] = rec.short_text(self.digest)
        if self.classified.mount_source:
            detail["mount_from"] = self.classified.mount_source
        if self.mount_refused:
            detail["mount"] = Reason.MOUNT_SOURCE_NOT_GRANTED.value
        if self.refused_origin:
            detail["refused_origin"] = rec.short_text(self.refused_origin)
        if self.head.upgrade:
            detail["upgrade"] = rec.short_text(self.head.upgrade.decode("ascii"))
        if status:
            fields["status"] = status
        return fields


def _scopes(classified: Classified) -> tuple[str, ...]:
    """What a token of a Bearer registry has to cover for this request."""
    scopes = (f"repository:{item.repository}:{scope_words(item.operation)}" for item in classified.wanted)
    return tuple(dict.fromkeys(scopes))
