"""Where sessions are kept: by the hash of their key, with what their owner may know of them in columns of its own.

Who reads the table cannot become anybody, and an end from elsewhere is the row being gone: nothing has to be asked
besides. A row that is gone stays gone, also for a request that was running meanwhile.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils import timezone

from jit_access.mfa import session_keys as keys

if TYPE_CHECKING:
    from jit_access.mfa.models import WebSession

_HASH_CHARS = 40  # what Django's column holds: 160 bits


def stored_key(session_key: str) -> str:
    """The form of a session's key that the database knows."""
    return hashlib.sha256(f"session:{session_key}".encode()).hexdigest()[:_HASH_CHARS]


class SessionStore(DatabaseStore):
    """Django's own, except for the form of the key and the columns."""

    @classmethod
    def get_model_class(cls) -> type[WebSession]:
        from jit_access.mfa.models import WebSession  # noqa: PLC0415  # models exist only after this module

        return WebSession

    def _get_session_from_db(self) -> WebSession | None:
        found: WebSession | None = None
        if self.session_key is not None:
            rows = self.get_model_class().objects.filter(session_key=stored_key(self.session_key))
            found = rows.filter(expire_date__gt=timezone.now()).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return self.get_model_class().objects.filter(session_key=stored_key(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        self._drop(session_key or self.session_key)

    def cycle_key(self) -> None:
        """A new key for what goes on. Raises: SessionInterrupted when it was ended meanwhile."""
        data, old = self._session, self.session_key  # type: ignore[attr-defined]  # the stubs lack it
        if old is not None and not self._drop(old):
            self.flush()
            raise SessionInterrupted("The session was ended meanwhile.")
        self.create()
        self._session_cache = data

    def create_model_instance(self, data: dict[str, Any]) -> WebSession:
        return self.get_model_class()(
            session_key=stored_key(self._get_or_create_session_key()),  # type: ignore[attr-defined]  # as above
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=_number(data.get(SESSION_KEY)),
            public_id=_text(data.get(keys.PUBLIC_ID)),
            epoch=_number(data.get(keys.EPOCH)) or 0,
            level=_number(data.get(keys.LEVEL)) or 0,
            started_at=_instant(data.get(keys.STARTED_AT)),
            seen_at=_instant(data.get(keys.LAST_SEEN)),
            network=_text(data.get(keys.NETWORK)),
            browser=_text(data.get(keys.BROWSER)),
            device_hash=_text(data.get(keys.DEVICE)),
            came_by=_text(data.get(keys.CAME_BY)),
            came_by_session=_text(data.get(keys.CAME_BY_SESSION)),
        )

    def _drop(self, session_key: str | None) -> bool:
        if session_key is None:
            return False
        deleted, _ = self.get_model_class().objects.filter(session_key=stored_key(session_key)).delete()
        return bool(deleted)


def _text(value: object) -> str:
    return value[:64] if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else None


def _instant(value: object) -> datetime | None:
    return datetime.fromtimestamp(value, tz=UTC) if isinstance(value, float) else None
