"""Addresses of targets and of the catalogue."""

from __future__ import annotations

from django.urls import path

from jit_access.api import target_owners, target_routes, targets

urlpatterns = [
    path("targets", targets.TargetsView.as_view(), name="targets"),
    path("targets/<str:slug>", targets.TargetView.as_view(), name="target"),
    path("targets/<str:slug>/repositories", targets.RepositoriesView.as_view(), name="target-repositories"),
    path("targets/<str:slug>/credential", targets.CredentialView.as_view(), name="target-credential"),
    path("targets/<str:slug>/origins", targets.OriginsView.as_view(), name="target-origins"),
    path("targets/<str:slug>/owners", target_owners.OwnersView.as_view(), name="target-owners"),
    path("targets/<str:slug>/routes", target_routes.RoutesView.as_view(), name="target-routes"),
    path("targets/<str:slug>/check", targets.CheckView.as_view(), name="target-check"),
    path("targets/<str:slug>/discover", targets.DiscoverView.as_view(), name="target-discover"),
    path("repositories/<str:public_id>", targets.RepositoryView.as_view(), name="repository"),
    path("catalogue", targets.CatalogueView.as_view(), name="catalogue"),
]
