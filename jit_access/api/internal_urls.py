"""Addresses for proxies only. Not in the public description of the API."""

from __future__ import annotations

from django.urls import path

from jit_access.api import internal

urlpatterns = [
    path("snapshot", internal.get_snapshot, name="internal-snapshot"),
    path("audit", internal.post_audit, name="internal-audit"),
    path("pins", internal.post_pins, name="internal-pins"),
    path("usage", internal.post_usage, name="internal-usage"),
]
