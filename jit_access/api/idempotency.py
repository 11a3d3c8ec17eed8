"""A POST that is sent again under the same Idempotency-Key is done once and answered twice (ADR 0037).

The key's row is written before the work and given its outcome after it. Refusals forget the key: nothing was made, and
what was refused may be mended and sent again. What nobody knows the end of is never done a second time, except where
the service itself knows the key. An answer with a secret is not kept at all: tokens are hashed everywhere else, too.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils.crypto import salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from jit_access.api.models import KeyedAnswer
from jit_access.core import clock
from jit_access.core.sealing import open_sealed, seal
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason

if TYPE_CHECKING:
    from rest_framework.request import Request

    from jit_access.accounts.models import User

KEY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEPT: Final = timedelta(hours=24)
RUNS: Final = timedelta(seconds=120)  # longer than any request that asks a target
RETRY_S: Final = 2
_KEY: Final = re.compile(r"[!-~]{1,80}")
_OWN_TOKEN: Final = re.compile(rb"jita_[a-z]+_")
_TRIES: Final = 3


class StillRuns(Conflict):
    """The first one with this key is not done. `wait` is what `Retry-After` says."""

    def __init__(self) -> None:
        self.wait = RETRY_S - 1
        super().__init__(Reason.STILL_RUNNING)


def key_of(request: Request) -> str:
    """What the client calls this attempt, or nothing. Raises: CallerError for what is no key."""
    key = request.headers.get(KEY_HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise CallerError(Reason.INVALID_INPUT, f"{KEY_HEADER} has 1 to 80 visible ASCII characters and no spaces.")
    return key or ""


def begin(user: User, key: str, request: Request, *, is_known_below: bool) -> KeyedAnswer | Response:
    """The row to finish after the work, or the answer that was given before.

    Raises: Conflict when the key stands for another request, for one that still runs, for one whose end nobody
    knows, or for a secret that was shown.
    """
    fingerprint = fingerprint_of(request)
    for _ in range(_TRIES):
        now = clock.now()
        KeyedAnswer.objects.filter(user=user, key=key, expires_at__lte=now).delete()
        facts = {"fingerprint": fingerprint, "running_until": now + RUNS, "expires_at": now + KEPT}
        with transaction.atomic():
            row, is_new = KeyedAnswer.objects.get_or_create(user=user, key=key, defaults=facts)
        if is_new:
            return row
        if row.fingerprint != fingerprint:
            raise Conflict(Reason.KEY_REUSED)
        if row.status is not None:
            return _answer_again(row)
        if row.running_until > now:
            raise StillRuns
        if not is_known_below:
            raise Conflict(Reason.OUTCOME_UNKNOWN)
        taken = KeyedAnswer.objects.filter(pk=row.pk, status=None, running_until=row.running_until)
        if taken.update(running_until=now + RUNS):
            return row
    raise StillRuns


def finish(row: KeyedAnswer, response: Response) -> None:
    """Keep what was answered, or forget the key where nothing was made."""
    here = KeyedAnswer.objects.filter(pk=row.pk)
    if response.status_code >= 500 and response.status_code != 502:
        here.update(running_until=clock.now())
        return
    if response.status_code >= 400:
        here.delete()
        return
    body = JSONRenderer().render(response.data)
    made = response.data.get("id", "") if isinstance(response.data, dict) else ""
    is_secret = "no-store" in response.get("Cache-Control", "") or _OWN_TOKEN.search(body) is not None
    sealed = "" if is_secret else seal(body or b"null", context=_context(row))
    here.update(status=response.status_code, made=str(made)[:40], sealed_answer=sealed)


def forget_old() -> int:
    """Remove what is over. Returns how many."""
    return KeyedAnswer.objects.filter(expires_at__lte=clock.now()).delete()[0]


def fingerprint_of(request: Request) -> str:
    """A keyed hash: bodies may hold passwords. A code of the second factor is another each time, so it is left out."""
    body: Any = request.data
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "code"}
    text = json.dumps([request.method, request.path, body], sort_keys=True, default=str)
    return salted_hmac("jit_access.api.idempotency", text, algorithm="sha256").hexdigest()


def _answer_again(row: KeyedAnswer) -> Response:
    if not row.sealed_answer:
        raise Conflict(Reason.SECRET_SHOWN_ONCE, **({"made": row.made} if row.made else {}))
    body = json.loads(open_sealed(row.sealed_answer, context=_context(row)))
    return Response(body, status=row.status, headers={REPLAYED_HEADER: "true"})


def _context(row: KeyedAnswer) -> str:
    return f"api_keyedanswer:{row.public_id}:sealed_answer"
