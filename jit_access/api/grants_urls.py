"""Addresses of grants and their tokens."""

from __future__ import annotations

from django.urls import path

from jit_access.api import grants

urlpatterns = [
    path("grants", grants.GrantsView.as_view(), name="grants"),
    path("grants/<str:public_id>", grants.GrantView.as_view(), name="grant"),
    path("grants/<str:public_id>/activate", grants.ActivateView.as_view(), name="grant-activate"),
    path("grants/<str:public_id>/end", grants.EndView.as_view(), name="grant-end"),
    path("grants/<str:public_id>/revoke", grants.RevokeView.as_view(), name="grant-revoke"),
    path("grants/<str:public_id>/extend", grants.ExtendView.as_view(), name="grant-extend"),
    path("grants/<str:public_id>/tokens", grants.TokensView.as_view(), name="grant-tokens"),
    path("tokens/<str:public_id>/rotate", grants.RotateTokenView.as_view(), name="token-rotate"),
    path("tokens/<str:public_id>/revoke", grants.RevokeTokenView.as_view(), name="token-revoke"),
    path("tokens/<str:public_id>/collect", grants.CollectTokenView.as_view(), name="token-collect"),
]
