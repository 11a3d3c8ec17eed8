"""Directories and their tokens. A token is shown once, kept as a hash, and replaced with an overlap."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Final

from django.db.models import Q

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.provisioning.models import Provisioner, ProvisionerToken

OVERLAP: Final = timedelta(hours=24)
_PREFIX: Final = "jitscim_"
_SHAPE = re.compile(r"jitscim_[A-Za-z0-9_-]{43}")
_NOTE_USE_EVERY = timedelta(minutes=1)


def get_directory(slug: str) -> Provisioner:
    """Raises: NotFound."""
    found = Provisioner.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound
    return found


def add_directory(*, actor: ActorRef, slug: str, name: str) -> tuple[Provisioner, Secret]:
    """A directory and its first token. Raises: CallerError, Conflict."""
    if not slug or slug != slug.lower() or not slug.replace("-", "").isalnum() or len(slug) > 40:
        raise CallerError(Reason.NAME_INVALID, "A directory's short name has small letters, digits and - only.")
    if Provisioner.objects.filter(slug=slug).exists():
        raise Conflict(Reason.DUPLICATE_REQUEST, "A directory of that name is here already.")
    with audited(actor=actor) as audit:
        made = Provisioner.objects.create(public_id=new_id("prv"), slug=slug, name=name[:80] or slug)
        audit.record("directory.added", detail={"directory": slug})
        return made, _issue(actor, made)


def rotate_token(*, actor: ActorRef, directory: Provisioner, overlap: timedelta = OVERLAP) -> Secret:
    """A new token; older ones work until the overlap is over."""
    with audited(actor=actor):
        until = clock.now() + overlap
        older = ProvisionerToken.objects.filter(Q(until=None) | Q(until__gt=until), provisioner=directory)
        older.update(until=until)
        return _issue(actor, directory)


def revoke_tokens(*, actor: ActorRef, directory: Provisioner) -> None:
    """Nothing of this directory is taken from now on. What it made stays as it is."""
    with audited(actor=actor) as audit:
        now = clock.now()
        directory.tokens.filter(Q(until=None) | Q(until__gt=now)).update(until=now)
        audit.record("directory.tokens-revoked", detail={"directory": directory.slug})


def find_by_token(text: str) -> Provisioner | None:
    """Whose token this is, when it still works."""
    if not _SHAPE.fullmatch(text):
        return None
    now = clock.now()
    live = ProvisionerToken.objects.select_related("provisioner").filter(Q(until=None) | Q(until__gt=now))
    token = live.filter(token_hash=hash_token(text)).first()
    if token is None:
        return None
    directory = token.provisioner
    if directory.used_at is None or now - directory.used_at >= _NOTE_USE_EVERY:
        Provisioner.objects.filter(pk=directory.pk).update(used_at=now)
    return directory


def _issue(actor: ActorRef, directory: Provisioner) -> Secret:
    text = _PREFIX + secrets.token_urlsafe(32)
    with audited(actor=actor) as audit:
        ProvisionerToken.objects.create(provisioner=directory, token_hash=hash_token(text), made_at=clock.now())
        audit.record("directory.token-issued", detail={"directory": directory.slug})
    return Secret(text)
