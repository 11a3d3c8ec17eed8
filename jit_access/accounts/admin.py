"""What a superuser may look at. Changes go through services, which ask, record and announce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from jit_access.accounts.models import User

if TYPE_CHECKING:
    UserAdminBase = admin.ModelAdmin[User]
    GroupAdminBase = admin.ModelAdmin[Group]
else:
    UserAdminBase = GroupAdminBase = admin.ModelAdmin


class ReadOnly:
    """Everything may be seen, nothing changed."""

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002  # Django's signature
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # Django's signature
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002  # Django's signature
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002  # Django's signature
        return False


@admin.register(User)
class UserAdmin(ReadOnly, UserAdminBase):
    list_display = ("username", "display_name", "kind", "owner", "is_active", "last_login")
    list_filter = ("kind", "is_active", "groups")
    search_fields = ("username", "display_name", "public_id")
    fields = ("public_id", "username", "display_name", "title", "email", "kind", "owner", "is_active", "groups")


@admin.register(Group)
class GroupAdmin(ReadOnly, GroupAdminBase):
    fields = ("name",)
