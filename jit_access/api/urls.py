"""Every address of the API, one line per room. What is not listed is a problem document, never a page."""

from __future__ import annotations

from django.urls import include, path, re_path

from jit_access.api import (
    description,
    schema,  # noqa: F401  # registers
    session,
)

urlpatterns = [
    path("session", session.SessionView.as_view(), name="api-session"),
    path("session/proof", session.ProofView.as_view(), name="api-session-proof"),
    path("openapi.json", description.DescriptionView.as_view(), name="api-schema"),
    # path("", include("jit_access.api.…_urls")): one line per room, above the last one.
    path("", include("jit_access.api.me_urls")),
    path("", include("jit_access.api.agents_urls")),
    path("", include("jit_access.api.activity_urls")),
    path("", include("jit_access.api.access_tokens_urls")),
    path("", include("jit_access.api.requests_urls")),
    path("", include("jit_access.api.grants_urls")),
    path("", include("jit_access.api.targets_urls")),
    path("", include("jit_access.api.policies_urls")),
    path("", include("jit_access.api.reviews_urls")),
    path("", include("jit_access.api.envelopes_urls")),
    path("", include("jit_access.api.locks_urls")),
    path("", include("jit_access.api.workloads_urls")),
    path("", include("jit_access.api.break_glass_urls")),
    path("", include("jit_access.api.webhooks_urls")),
    re_path(r"^.*$", description.NowhereView.as_view()),
]
