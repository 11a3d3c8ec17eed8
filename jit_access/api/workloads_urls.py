"""Addresses of issuers and of the trust in workloads."""

from __future__ import annotations

from django.urls import path

from jit_access.api import workload_issuers as issuers
from jit_access.api import workload_trusts as trusts

_AGENT = "agents/<str:public_id>/trusts"

urlpatterns = [
    path("issuers", issuers.IssuersView.as_view(), name="api-issuers"),
    path("issuers/<str:public_id>", issuers.IssuerView.as_view(), name="api-issuer"),
    path("issuers/<str:public_id>/retire", issuers.IssuerRetireView.as_view(), name="api-issuer-retire"),
    path(_AGENT, trusts.TrustsView.as_view(), name="api-trusts"),
    path(f"{_AGENT}/match", trusts.TrustSampleView.as_view(), name="api-trust-sample"),
    path(f"{_AGENT}/<str:trust_id>", trusts.TrustView.as_view(), name="api-trust"),
    path(f"{_AGENT}/<str:trust_id>/confirm", trusts.TrustConfirmView.as_view(), name="api-trust-confirm"),
    path(f"{_AGENT}/<str:trust_id>/revoke", trusts.TrustRevokeView.as_view(), name="api-trust-revoke"),
]
