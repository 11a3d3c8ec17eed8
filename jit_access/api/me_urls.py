"""Addresses about oneself."""

from __future__ import annotations

from django.urls import path

from jit_access.api import me, me_sessions

urlpatterns = [
    path("me", me.MeView.as_view(), name="api-me"),
    path("me/sessions", me_sessions.SessionsView.as_view(), name="api-me-sessions"),
    path("me/sessions/<str:public_id>", me_sessions.OneSessionView.as_view(), name="api-me-session"),
    path("me/devices", me_sessions.DevicesView.as_view(), name="api-me-devices"),
    path("me/devices/<str:public_id>", me_sessions.OneDeviceView.as_view(), name="api-me-device"),
]
