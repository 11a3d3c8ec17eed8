"""Addresses of the authorization server that are no pages."""

from __future__ import annotations

from django.urls import path

from jit_access.api import oauth_endpoints

urlpatterns = [
    path("token", oauth_endpoints.token, name="oauth-token"),
    path("device_authorization", oauth_endpoints.device_authorization, name="oauth-device-authorization"),
    path("revoke", oauth_endpoints.revoke, name="oauth-revoke"),
    path("introspect", oauth_endpoints.introspect, name="oauth-introspect"),
]
