"""Addresses about access tokens, and the clients that get them."""

from __future__ import annotations

from django.urls import path

from jit_access.api import access_tokens, agent_clients

urlpatterns = [
    path("me/access-tokens", access_tokens.AccessTokensView.as_view(), name="api-access-tokens"),
    path("me/access-tokens/<str:public_id>", access_tokens.OneAccessTokenView.as_view(), name="api-access-token"),
    path("agents/<str:public_id>/clients", agent_clients.ClientsView.as_view(), name="api-agent-clients"),
    path(
        "agents/<str:public_id>/clients/<str:client_id>",
        agent_clients.OneClientView.as_view(),
        name="api-agent-client",
    ),
    path(
        "agents/<str:public_id>/clients/<str:client_id>/secret",
        agent_clients.ClientSecretView.as_view(),
        name="api-agent-client-secret",
    ),
]
