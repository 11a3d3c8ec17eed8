"""Puts our site in the place of Django's, and registers nothing but what `accounts.admin` names."""

from __future__ import annotations

from django.contrib.admin.apps import SimpleAdminConfig


class GatewayAdminConfig(SimpleAdminConfig):
    default_site = "jit_access.accounts.admin_site.GatewayAdminSite"

    def ready(self) -> None:
        super().ready()
        import jit_access.accounts.admin  # noqa: F401, PLC0415  # registers; models exist only now
