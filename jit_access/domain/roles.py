"""The groups whose members have a role in the product. Approvers are not here: policy names their groups."""

from __future__ import annotations

from typing import Final

SECURITY: Final = "security"  # may revoke anything, lock accounts, sees all activity
AUDITORS: Final = "auditors"  # see all activity, change nothing
OPERATORS: Final = "operators"  # manage targets
TICKET_SYSTEMS: Final = "ticket-systems"  # service accounts that report which tickets were closed

SEES_EVERYTHING: Final = frozenset({SECURITY, AUDITORS})
