"""What a proxy needs to begin, read from the database: every view that may still matter, and every target."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

from jit_access.core.sealing import open_sealed
from jit_access.domain.errors import GatewayError
from jit_access.proxy_sessions import news, pulse
from jit_access.proxy_sessions.models import SessionViewRow
from jit_access.targets.models import Target

SNAPSHOT_VERSION = 1
ENDED_KEPT = timedelta(hours=1)  # so that ended tokens keep their precise reason over a restart of a proxy

_log = logging.getLogger(__name__)


def read_snapshot() -> tuple[str, str]:
    """The snapshot's text and its signature. Raises redis.RedisError, DatabaseError.

    The position is read before the views: what is published in between is read twice, never missed.
    """
    position = news.read_position()
    db_now = pulse.read_told_time().told
    # Closed views too: without them a fresh proxy would believe an old open view that somebody plays back.
    rows = SessionViewRow.objects.filter(valid_until__gt=db_now - ENDED_KEPT).order_by("id")
    views = list(rows.values_list("body", flat=True))
    targets = [facts for target in Target.objects.order_by("slug") if (facts := _describe_target(target))]
    body = {
        "v": SNAPSHOT_VERSION,
        "db_now": db_now.timestamp(),
        "position": position.position,
        "added": position.added,
        "birth": position.birth,
        "views": views,
        "targets": targets,
    }
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text, news.sign_message(text)


def _describe_target(target: Target) -> dict[str, str | bool | list[str]] | None:
    """None when its credential cannot be opened: that target is shut, the others stay open."""
    password = ""
    try:
        if target.sealed_password:
            password = open_sealed(target.sealed_password, context=f"target:{target.public_id}:password").decode()
    except GatewayError:
        _log.exception("the credential of target %s cannot be opened", target.slug)
        return None
    return {
        "slug": target.slug,
        "kind": target.kind,
        "base_url": target.base_url,
        "username": target.username,
        "password": password,
        "allow_private": target.allow_private,
        "token_origins": target.token_origins,
        "redirect_origins": target.redirect_origins,
    }
