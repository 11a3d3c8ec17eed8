"""Addresses of envelopes."""

from __future__ import annotations

from django.urls import path

from jit_access.api import envelopes

urlpatterns = [
    path("envelopes", envelopes.EnvelopesView.as_view(), name="envelopes"),
    path("envelopes/preview", envelopes.EnvelopePreviewView.as_view(), name="envelope-preview"),
    path("envelopes/<str:public_id>", envelopes.EnvelopeView.as_view(), name="envelope"),
    path("envelopes/<str:public_id>/approve", envelopes.ApproveEnvelopeView.as_view(), name="envelope-approve"),
    path("envelopes/<str:public_id>/deny", envelopes.DenyEnvelopeView.as_view(), name="envelope-deny"),
    path("envelopes/<str:public_id>/suspend", envelopes.SuspendEnvelopeView.as_view(), name="envelope-suspend"),
    path("envelopes/<str:public_id>/revoke", envelopes.RevokeEnvelopeView.as_view(), name="envelope-revoke"),
]
