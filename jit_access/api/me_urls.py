"""Addresses about people: oneself, and those who lost every factor."""

from __future__ import annotations

from django.urls import path

from jit_access.api import factor_resets, gateway, me, me_identities, me_sessions, slack_link

urlpatterns = [
    path("factor-resets", factor_resets.ResetsView.as_view(), name="api-resets"),
    path("factor-resets/<str:public_id>/confirm", factor_resets.ConfirmView.as_view(), name="api-reset-confirm"),
    path("factor-resets/<str:public_id>/withdraw", factor_resets.WithdrawView.as_view(), name="api-reset-withdraw"),
    path("gateway", gateway.GatewayView.as_view(), name="api-gateway"),
    path("me/slack", slack_link.SlackLinkView.as_view(), name="api-slack-link"),
    path("me", me.MeView.as_view(), name="api-me"),
    path("me/sessions", me_sessions.SessionsView.as_view(), name="api-me-sessions"),
    path("me/sessions/<str:public_id>", me_sessions.OneSessionView.as_view(), name="api-me-session"),
    path("me/identities", me_identities.IdentitiesView.as_view(), name="api-me-identities"),
    path("me/identities/<str:public_id>", me_identities.IdentityView.as_view(), name="api-me-identity"),
    path("me/devices", me_sessions.DevicesView.as_view(), name="api-me-devices"),
    path("me/devices/<str:public_id>", me_sessions.OneDeviceView.as_view(), name="api-me-device"),
]
