"""The door to this room: signing in, proving a second factor, sessions, and changing one's factor."""

from __future__ import annotations

from jit_access.mfa.attempts import LIMIT as TRIES_LIMIT
from jit_access.mfa.device_binding import is_known as is_known_device
from jit_access.mfa.devices import remember_device
from jit_access.mfa.enrolment import (
    begin_totp_enrolment,
    confirm_totp,
    generate_recovery_codes,
    install_totp,
    remove_factor,
    renew_recovery_codes,
)
from jit_access.mfa.open_sessions import (
    OpenSession,
    devices_of,
    end_one_session,
    get_device,
    is_this_device,
    open_sessions,
    remove_device,
    rename_device,
)
from jit_access.mfa.passkey_challenges import purpose_of
from jit_access.mfa.passkeys import (
    add_passkey,
    begin_passkey,
    begin_passkey_proof,
    get_passkey,
    prove_passkey,
    prove_passkey_once,
    remove_passkey,
    rename_passkey,
)
from jit_access.mfa.passwords import change_own_password, set_password
from jit_access.mfa.proof import Method, prove_code
from jit_access.mfa.reset_codes import needs_code as needs_reset_code
from jit_access.mfa.reset_codes import redeem_code as redeem_reset_code
from jit_access.mfa.resets import (
    ask_reset,
    confirm_reset,
    get_reset,
    open_reset_of,
    resets_for,
    withdraw_reset,
)
from jit_access.mfa.sessions import (
    carry_session,
    end_vouched_sessions,
    mark_proved,
    session_ends_at,
    sign_out,
    start_session,
    vouch,
)
from jit_access.mfa.sign_in import client_address, sign_in
from jit_access.mfa.totp import Enrolment

__all__ = [
    "TRIES_LIMIT",
    "Enrolment",
    "Method",
    "OpenSession",
    "add_passkey",
    "ask_reset",
    "begin_passkey",
    "begin_passkey_proof",
    "begin_totp_enrolment",
    "carry_session",
    "change_own_password",
    "client_address",
    "confirm_reset",
    "confirm_totp",
    "devices_of",
    "end_one_session",
    "end_vouched_sessions",
    "generate_recovery_codes",
    "get_device",
    "get_passkey",
    "get_reset",
    "install_totp",
    "is_known_device",
    "is_this_device",
    "mark_proved",
    "needs_reset_code",
    "open_reset_of",
    "open_sessions",
    "prove_code",
    "prove_passkey",
    "prove_passkey_once",
    "purpose_of",
    "redeem_reset_code",
    "remember_device",
    "remove_device",
    "remove_factor",
    "remove_passkey",
    "rename_device",
    "rename_passkey",
    "renew_recovery_codes",
    "resets_for",
    "session_ends_at",
    "set_password",
    "sign_in",
    "sign_out",
    "start_session",
    "vouch",
    "withdraw_reset",
]
