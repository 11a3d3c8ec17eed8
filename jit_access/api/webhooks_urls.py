"""Addresses of agents' webhooks."""

from __future__ import annotations

from django.urls import path

from jit_access.api import webhooks

_AGENT = "agents/<str:public_id>/webhook"
urlpatterns = [
    path(_AGENT, webhooks.WebhookView.as_view(), name="webhook"),
    path(f"{_AGENT}/rotate", webhooks.RotateView.as_view(), name="webhook-rotate"),
    path(f"{_AGENT}/test", webhooks.TryView.as_view(), name="webhook-test"),
    path(f"{_AGENT}/deliveries", webhooks.DeliveriesView.as_view(), name="webhook-deliveries"),
]
