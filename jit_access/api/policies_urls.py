"""Addresses of the policy."""

from __future__ import annotations

from django.urls import path

from jit_access.api import policies

urlpatterns = [
    path("policies/active", policies.ActivePolicyView.as_view(), name="policy-active"),
]
