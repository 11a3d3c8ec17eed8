"""Django's admin, for superusers to look, not to touch. It has no door of its own: one signs in where all do.

Its pages for signing in and for changing a password are closed: they know neither second factor nor log.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse


class GatewayAdminSite(AdminSite):
    site_header = site_title = "Just-in-time access"
    index_title = "Look, don't touch"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002  # Django's signature
        if request.user.is_authenticated:
            raise Http404  # not for this account: the same as a page that does not exist
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> NoReturn:  # noqa: ARG002  # Django's signature
        raise Http404

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> NoReturn:  # noqa: ARG002  # Django's signature
        raise Http404
