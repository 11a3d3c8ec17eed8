"""Only what proxies may reach, for tests of the proxy: they must not fail because a page does."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("internal/v1/", include("jit_access.api.internal_urls"))]
