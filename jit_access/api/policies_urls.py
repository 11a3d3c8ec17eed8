"""Addresses of the policy."""

from __future__ import annotations

from django.urls import path

from jit_access.api import policies, policy_changes, why

urlpatterns = [
    path("policies/active", policies.ActivePolicyView.as_view(), name="policy-active"),
    path("policies/why", why.WhyView.as_view(), name="policy-why"),
    path("policies/proposals", policy_changes.ProposalsView.as_view(), name="policy-proposals"),
    path("policies/proposals/<str:public_id>", policy_changes.ProposalView.as_view(), name="policy-proposal"),
    path("policies/proposals/<str:public_id>/sign", policy_changes.ProposalSignView.as_view(), name="policy-sign"),
    path(
        "policies/proposals/<str:public_id>/withdraw",
        policy_changes.ProposalWithdrawView.as_view(),
        name="policy-withdraw",
    ),
]
