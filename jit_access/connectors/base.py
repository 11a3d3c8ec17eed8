"""What every kind of target offers to the gateway, and how it says that something went wrong.

A connector speaks to the admin side of one target. It knows nothing of people, grants or the database, and it is the
only place where a vendor's errors are mapped. Its errors name the target, never the credential or a foreign body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from jit_access.core.secret import Secret
from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason


class Retryable(PeerError):
    """Nothing happened, and trying again later can help."""

    def __init__(self, reason: Reason, sentence: str, **fields: str | int | bool) -> None:
        super().__init__(reason, sentence, retryable=True, **fields)


class Permanent(PeerError):
    """Nothing happened, and trying again the same way cannot help."""

    def __init__(self, reason: Reason, sentence: str, **fields: str | int | bool) -> None:
        super().__init__(reason, sentence, retryable=False, **fields)


class AlreadyGone(PeerError):
    """What should be removed is not there. For a removal that is success (Vault #3410 looped on it)."""

    def __init__(self, reason: Reason, sentence: str, **fields: str | int | bool) -> None:
        super().__init__(reason, sentence, retryable=False, **fields)


class Unknown(PeerError):
    """It may or may not have happened. Whoever gets this verifies or compensates; it never counts as done."""

    def __init__(self, reason: Reason, sentence: str, **fields: str | int | bool) -> None:
        super().__init__(reason, sentence, retryable=True, **fields)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a target is and how the gateway proves itself there. `slug` is how errors call it."""

    slug: str
    base_url: str  # scheme://host[:port], no path
    username: str
    password: Secret
    allow_private: bool
    token_origins: tuple[str, ...] = ()  # token services elsewhere that may get the credential


@dataclass(frozen=True, slots=True)
class EntitlementFacts:
    """One operation on one resource for one subject, as ids that mean the same tomorrow."""

    subject_id: str
    resource: str
    operation: str


@dataclass(frozen=True, slots=True)
class AccessOutcome:
    """What a connector did about an entitlement. `sentence` is for the log and for people."""

    is_changed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Names of repositories. Not complete means: absence from it proves nothing."""

    names: tuple[str, ...]
    is_complete: bool
    unusable: int = 0  # names that no registry may have, left out


@dataclass(frozen=True, slots=True)
class RepositoryDescription:
    """The tag people most likely want, and how many bytes a pull of it moves. None: the target does not say.

    `title` is what people call it, where that is not its name.
    """

    latest_tag: str
    size_bytes: int | None
    title: str = ""


class Connector(Protocol):
    """One target, for as long as the connection is open."""

    def check(self) -> None:
        """Reach the target and prove the credential. Raises PeerError."""

    def list_repositories(self) -> Listing:
        """What the target holds. Raises PeerError."""

    def describe_repository(self, name: str) -> RepositoryDescription:
        """Facts for the catalogue. Raises AlreadyGone when it is not there, else PeerError."""

    def ensure_access(self, facts: EntitlementFacts) -> AccessOutcome:
        """Make the entitlement exist at the target. A repeat is a no-op. Raises PeerError."""

    def remove_access(self, facts: EntitlementFacts) -> AccessOutcome:
        """Make the entitlement not exist at the target. A repeat is a no-op. Raises PeerError, never AlreadyGone."""

    def close(self) -> None:
        """Let go of the connection."""
