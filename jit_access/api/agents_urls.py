"""Addresses of service accounts and API tokens."""

from __future__ import annotations

from django.urls import path

from jit_access.api import agents, api_tokens, leaked_tokens

urlpatterns = [
    path("agents", agents.AgentsView.as_view(), name="agents"),
    path("agents/<str:public_id>", agents.AgentView.as_view(), name="agent"),
    path("agents/<str:public_id>/suspend", agents.AgentSuspendView.as_view(), name="agent-suspend"),
    path("agents/<str:public_id>/resume", agents.AgentResumeView.as_view(), name="agent-resume"),
    path("agents/<str:public_id>/retire", agents.AgentRetireView.as_view(), name="agent-retire"),
    path("agents/<str:public_id>/offer", agents.AgentOfferView.as_view(), name="agent-offer"),
    path("agents/<str:public_id>/offer/accept", agents.AgentAcceptView.as_view(), name="agent-accept"),
    path("agents/<str:public_id>/offer/decline", agents.AgentDeclineView.as_view(), name="agent-decline"),
    path("agents/<str:public_id>/offer/withdraw", agents.AgentWithdrawView.as_view(), name="agent-withdraw"),
    path("agents/<str:public_id>/tokens", api_tokens.AgentTokensView.as_view(), name="agent-tokens"),
    path("api-tokens/<str:public_id>/revoke", api_tokens.ApiTokenRevokeView.as_view(), name="api-token-revoke"),
    path("leaked-tokens", leaked_tokens.LeakedTokensView.as_view(), name="leaked-tokens"),
    path("me/tokens", api_tokens.MyTokensView.as_view(), name="my-tokens"),
    path("me/token", api_tokens.MyTokenView.as_view(), name="this-token"),
    path("me/token/next", api_tokens.NextTokenView.as_view(), name="next-token"),
]
