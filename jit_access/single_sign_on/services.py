"""The door to this room: signing in and out through a provider, one's identities, and naming providers."""

from __future__ import annotations

from jit_access.single_sign_on.back_channel import receive_logout
from jit_access.single_sign_on.flow import Purpose, Return, begin_sign_on, finish_sign_on
from jit_access.single_sign_on.oauth import answer_address, sign_out_address
from jit_access.single_sign_on.people import unlink
from jit_access.single_sign_on.setup import (
    ProviderOrder,
    active_providers,
    add_provider,
    change_provider,
    get_provider,
    map_group,
    map_strength,
    refresh_provider,
)
from jit_access.single_sign_on.strength import is_strength_mapped

__all__ = [
    "ProviderOrder",
    "Purpose",
    "Return",
    "active_providers",
    "add_provider",
    "answer_address",
    "begin_sign_on",
    "change_provider",
    "finish_sign_on",
    "get_provider",
    "is_strength_mapped",
    "map_group",
    "map_strength",
    "receive_logout",
    "refresh_provider",
    "sign_out_address",
    "unlink",
]
