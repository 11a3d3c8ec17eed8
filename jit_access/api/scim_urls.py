"""Addresses for a company's directory. Described by SCIM itself (`Schemas`), not by our OpenAPI document."""

from __future__ import annotations

from django.urls import path, re_path

from jit_access.api import scim

urlpatterns = [
    path("Users", scim.users, name="scim-users"),
    path("Users/<str:public_id>", scim.user, name="scim-user"),
    path("Groups", scim.all_groups, name="scim-groups"),
    path("Groups/<str:public_id>", scim.one_group, name="scim-group"),
    path("ServiceProviderConfig", scim.document, {"name": "ServiceProviderConfig"}, name="scim-config"),
    path("ResourceTypes", scim.document, {"name": "ResourceTypes"}, name="scim-types"),
    path("ResourceTypes/<str:one>", scim.document, {"name": "ResourceTypes"}, name="scim-type"),
    path("Schemas", scim.document, {"name": "Schemas"}, name="scim-schemas"),
    path("Schemas/<str:one>", scim.document, {"name": "Schemas"}, name="scim-schema"),
    re_path(r"^(?P<rest>.*)$", scim.nothing),
]
