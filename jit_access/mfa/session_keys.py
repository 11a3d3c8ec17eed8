"""The names under which a session keeps its facts."""

from __future__ import annotations

from typing import Final

LEVEL: Final = "jit.level"
PROVED_AT: Final = "jit.proved_at"
STARTED_AT: Final = "jit.started_at"
LAST_SEEN: Final = "jit.last_seen"
EPOCH: Final = "jit.epoch"
ENROLMENT: Final = "jit.enrolment"  # a sealed secret that waits for its first code
PUBLIC_ID: Final = "jit.id"  # what its owner and the log call it; worth nothing as a cookie
DEVICE: Final = "jit.device"  # the hash of the cookie of the one device that may use it
NETWORK: Final = "jit.network"
BROWSER: Final = "jit.browser"
CAME_BY: Final = "jit.came_by"  # the identity provider that vouched for the person; empty for a password
CAME_BY_SESSION: Final = "jit.came_by_session"  # the hash of the provider's own name for its session
RESET: Final = "jit.reset"  # the reset whose code this session has shown
SIGN_ON: Final = "jit.sign_on"  # a sign-in at a provider that has not come back yet
