"""Whose word about workloads counts: the list, one more, and taking one back. Operators act, others read."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.domain.errors import CallerError, GatewayError, NotFound, PeerError
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.roles import OPERATORS
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.frames import assurance_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import workload_issuers as words
from jit_access.web.viewmodels.parts import Notice
from jit_access.workloads import access, services
from jit_access.workloads.kinds import IssuerKind
from jit_access.workloads.models import TrustedIssuer

_METHODS = ["GET", "HEAD", "POST"]
_FIELDS = ("name", "issuer", "audience", "jwks_uri", "ca", "allows_private", "api_server", "credential")


@require_safe
@page()
def show_issuers(request: HttpRequest) -> HttpResponse:
    """Those that count, and those that did."""
    actor = person(request)
    if not access.may_see_issuers(actor):
        raise NotFound
    rows = list(TrustedIssuer.objects.order_by("name", "pk")[:200])
    built = words.build_list(rows, clock.now(), may_manage=access.may_manage_issuers(actor))
    return render_page(request, "web/issuers.html", built, current="issuers")


@require_http_methods(_METHODS)
@page(group=OPERATORS)
def add(request: HttpRequest) -> HttpResponse:
    """Which kind, then what it is."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    named = request.POST.get("kind") or request.GET.get("kind") or ""
    if named not in set(IssuerKind):
        return render_page(request, "web/choice.html", words.choose_kind(), current="issuers")
    kind, typed = IssuerKind(named), {name: request.POST.get(name, "") for name in _FIELDS}
    if request.method != "POST":
        return _ask(request, kind, typed)
    try:
        row = services.add_issuer(actor=person(request), order=_order(kind, typed), assurance=assurance_of(request))
    except (CallerError, PeerError) as error:
        return _ask(request, kind, typed, error)
    say(request, f"{row.name} was added.", "Owners of agents can trust workloads of it now.")
    return redirect("web:issuers")


@require_http_methods(_METHODS)
@page(group=OPERATORS)
def retire(request: HttpRequest, public_id: str) -> HttpResponse:
    """What ends with it, and then the end."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    row = access.get_issuer(actor=person(request), public_id=public_id)
    if request.method != "POST":
        count = row.trusts.exclude(state=TrustState.REVOKED).count()
        confirm = words.ask_retire(row, count)
        return render_page(request, "web/confirm.html", None, current="issuers", confirm=confirm)
    services.retire_issuer(actor=person(request), issuer=row, assurance=assurance_of(request))
    say(request, f"{row.name} is retired.", "Its tokens count no more.", "stop")
    return redirect("web:issuers")


def _order(kind: IssuerKind, typed: Mapping[str, str]) -> services.IssuerOrder:
    return services.IssuerOrder(
        kind=kind,
        name=typed["name"],
        issuer=typed["issuer"],
        audience=typed["audience"],
        jwks_uri=typed["jwks_uri"],
        allows_private=typed["allows_private"] == words.YES,
        ca_pem=typed["ca"],
        api_server=typed["api_server"],
        credential=Secret(typed["credential"]) if typed["credential"] else None,
    )


def _ask(
    request: HttpRequest, kind: IssuerKind, typed: Mapping[str, str], error: GatewayError | None = None
) -> HttpResponse:
    notice, status = None, 200
    if error is not None:
        status = 422 if "field" in error.fields else error.status
        if error.fields.get("field") not in _FIELDS:
            notice = Notice(error.sentence, "Nothing was changed.", "wait", "alert", code=str(error.reason))
    confirm = words.ask_new(kind, typed, error)
    return render_page(
        request, "web/confirm.html", None, current="issuers", confirm=confirm, notice=notice, status=status
    )
