"""Addresses of the policy."""

from __future__ import annotations

from django.urls import path

from jit_access.api import policies, why

urlpatterns = [
    path("policies/active", policies.ActivePolicyView.as_view(), name="policy-active"),
    path("policies/why", why.WhyView.as_view(), name="policy-why"),
]
