"""Default deny for people: without a second factor a session reaches only the pages that lead to one.

Every address is behind this door unless it is listed here. Addresses of machines (`/api/`, `/internal/`) do their own
authentication, so only the sessions that reach them are judged here. This runs before any view and any view's own
checks, the admin's included: add-ons forgot `/admin/login/` more than once (django-two-factor-auth, PYSEC-2020-39).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.core import clock
from jit_access.core.problems import problem, problem_response
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason, explain
from jit_access.mfa.assurance import PROVED_LEVELS
from jit_access.mfa.device_binding import leave_cookie
from jit_access.mfa.presence import lock_refusal
from jit_access.mfa.selectors import has_factor
from jit_access.mfa.session_keys import LEVEL, PROVED_AT
from jit_access.mfa.sessions import SessionEnd, end_session, find_end, touch
from jit_access.mfa.sign_in import client_address

SIGN_IN: Final = "/sign-in"
PROVE: Final = "/second-factor"
PASSKEY: Final = "/second-factor/passkey"
SET_UP: Final = "/second-factor/set-up"
RESET_CODE: Final = "/second-factor/reset-code"
# No session is looked at: these answer everybody the same, or ask for a secret of their own.
_WITHOUT_SESSION: Final = (
    "/healthz",
    "/readyz",
    "/static/",
    "/internal/",
    "/slack/",
    "/scim/",
    "/sign-in/back-channel/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/device_authorization",
    "/.well-known/",
)
_FOR_ANYBODY: Final = frozenset({SIGN_IN, "/sign-out"})
_AT_A_PROVIDER: Final = ("/sign-in/with/", "/sign-in/answer/")  # on the way to an identity provider and back
_FOR_PASSWORD_ONLY: Final = frozenset({PROVE, PASSKEY, "/second-factor/recovery", SET_UP, RESET_CODE})
_TO_SET_UP: Final = frozenset({SET_UP, RESET_CODE})
_API: Final = "/api/"
_API_FOR_PASSWORD_ONLY: Final = frozenset({"/api/v1/session", "/api/v1/session/proof"})


class SecondFactorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            refusal = _refuse(request)
        except (OperationalError, InterfaceError):
            refusal = _database_away(request)
        response = refusal if refusal is not None else self.get_response(request)
        leave_cookie(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page whose database went away says so, instead of looking like a bug of ours."""
        return _database_away(request) if isinstance(exception, OperationalError | InterfaceError) else None


def _refuse(request: HttpRequest) -> HttpResponse | None:
    """The answer instead of the view, or None when the request may go on."""
    if request.path_info.startswith(_WITHOUT_SESSION):
        return None
    end = _end_of_session(request)
    if request.path_info.startswith(_API):
        return _refuse_api(request, end)
    return _refuse_page(request, end)


def _end_of_session(request: HttpRequest) -> SessionEnd | None:
    """Sign out at once whoever may not go on, and say why."""
    user = request.user
    if isinstance(user, User):
        now = clock.now()
        end = find_end(request, user, now=now)
        if end is None and (refusal := lock_refusal(request, user)) is not None:
            return _stand_still(request, user, refusal)
        if end is None:
            touch(request, now=now)
            return None
        end_session(request, user.ref, end)
    elif SESSION_KEY in request.session:
        # Django no longer lets this account in; only a lock does that without ending the session itself.
        account = User.objects.filter(pk=request.session[SESSION_KEY]).first()
        end = SessionEnd(Reason.ACCOUNT_LOCKED if account and not account.is_active else Reason.SIGNED_OUT, "locked")
        end_session(request, account.ref if account else NOBODY, end)
    else:
        return None
    request.user = AnonymousUser()
    return end


def _stand_still(request: HttpRequest, user: User, refusal: PolicyRefusal) -> SessionEnd:
    """Locked: nobody is there while the lock stands, and nothing keeps the session young. Locks are lifted, so it is
    not ended."""
    record_outside_refusal(
        actor=user.ref,
        kind="session.refused",
        reason=refusal.reason,
        address=client_address(request),
        detail={"locked": str(refusal.fields["locked"])},
    )
    request.user = AnonymousUser()
    return SessionEnd(refusal.reason, "locked")


def _is_proved(request: HttpRequest) -> bool:
    return request.session.get(LEVEL) in PROVED_LEVELS and PROVED_AT in request.session


def _refuse_page(request: HttpRequest, end: SessionEnd | None) -> HttpResponse | None:
    path, user = request.path_info, request.user
    if path in _FOR_ANYBODY or path.startswith(_AT_A_PROVIDER):
        return None
    if not isinstance(user, User):
        return _lead_to(request, SIGN_IN, because=end.reason if end else None)
    if _is_proved(request):
        return None
    right_page = PROVE if has_factor(user) else SET_UP
    if path in _FOR_PASSWORD_ONLY and (path in _TO_SET_UP) == (right_page == SET_UP):
        return None
    return _lead_to(request, right_page)


def _refuse_api(request: HttpRequest, end: SessionEnd | None) -> HttpResponse | None:
    if "Authorization" in request.headers:
        return None  # the token decides; a session beside it counts for nothing
    if request.path_info in _API_FOR_PASSWORD_ONLY:
        return None
    if end is not None:
        return problem_response(problem(end.reason, status=401))
    user = request.user
    if not isinstance(user, User) or _is_proved(request):
        return None
    record_outside_refusal(
        actor=user.ref, kind="session.refused", reason=Reason.SECOND_FACTOR_MISSING, address=client_address(request)
    )
    return problem_response(problem(Reason.SECOND_FACTOR_MISSING, status=401))


def _lead_to(request: HttpRequest, page: str, *, because: Reason | None = None) -> HttpResponse:
    query = {"next": _way_back(request)} | ({"because": str(because)} if because else {})
    address = f"{page}?{urlencode({key: value for key, value in query.items() if value})}".rstrip("?")
    if request.headers.get("HX-Request"):
        # A redirect would be followed by htmx and put a whole page into a fragment.
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _way_back(request: HttpRequest) -> str:
    """Where to go on afterwards: the page asked for, or the page that a form or fragment was on. Never elsewhere."""
    if request.path_info in _FOR_PASSWORD_ONLY:  # itself on the way to somewhere
        address = request.POST.get("next") or request.GET.get("next") or ""
    elif request.headers.get("HX-Request"):
        address = request.headers.get("HX-Current-URL", "")
    elif request.method in {"GET", "HEAD"}:
        address = request.get_full_path()
    else:
        address = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}):
        return ""  # also `//host/path`, which a browser reads as another host
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}".rstrip("?") if parts.path.strip("/") else ""


def _database_away(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(_API):
        response: HttpResponse = problem_response(problem(Reason.DATABASE_AWAY, status=503))
    else:
        text = f"{explain(Reason.DATABASE_AWAY)} ({Reason.DATABASE_AWAY})"
        response = HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = "5"
    return response
