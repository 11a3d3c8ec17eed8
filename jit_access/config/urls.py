"""The whole address space of the control plane, one line per room."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from jit_access.api import oauth_endpoints
from jit_access.config import health
from jit_access.web.views import sign_in

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    # The admin's own way out writes no record; ours does. Above the admin, which would take the address.
    path("admin/logout/", sign_in.sign_out),
    path("admin/", admin.site.urls),
    path("api/v1/", include("jit_access.api.urls")),
    path("scim/v2/", include("jit_access.api.scim_urls")),
    path(".well-known/oauth-authorization-server", oauth_endpoints.metadata),
    path("oauth/", include("jit_access.api.oauth_urls")),
    path("internal/v1/", include("jit_access.api.internal_urls")),
    path("slack/", include("jit_access.slack.urls")),
    path("", include("jit_access.web.urls")),
]
handler400 = "jit_access.web.views.errors.bad_request"
handler403 = "jit_access.web.views.errors.forbidden"
handler404 = "jit_access.web.views.errors.not_found"
handler500 = "jit_access.web.views.errors.broken"
