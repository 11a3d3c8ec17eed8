"""Addresses of break-glass and its reviews."""

from __future__ import annotations

from django.urls import path

from jit_access.api import break_glass

urlpatterns = [
    path("break-glass", break_glass.GlassView.as_view(), name="break-glass"),
    path("break-glass/preview", break_glass.GlassPreviewView.as_view(), name="break-glass-preview"),
    path("break-glass/<str:public_id>", break_glass.ReviewView.as_view(), name="break-glass-review"),
    path("break-glass/<str:public_id>/close", break_glass.CloseView.as_view(), name="break-glass-close"),
]
