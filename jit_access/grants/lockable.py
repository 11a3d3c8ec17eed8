"""From what somebody typed or followed to what a lock would name: for security and the console, who may know all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jit_access.accounts.models import User
from jit_access.accounts.selectors import find_by_name
from jit_access.credentials.models import CredentialLease
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.grants.news import describe
from jit_access.mfa.models import Device, WebSession
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.workloads.models import WorkloadTrust

MAX_NAME_CHARS = 300
_BUCKET_OR_FOLDER = re.compile(r"[\w.@+/-]{1,200}")


@dataclass(frozen=True, slots=True)
class Lockable:
    """What a lock would name, and what people call it."""

    facts: LockFacts
    label: str
    holder: User | None = None  # whose it is, where it is somebody's


def holder_of(facts: LockFacts) -> User | None:
    """Whose thing a lock names: the person, their session, device, grant or token, or their service account."""
    try:
        holder = find_lockable(facts.axis, facts.key).holder
    except (NotFound, CallerError):  # a session that was cleared away, a stranger's device
        return None
    return holder if holder is None or holder.owner is None else holder.owner


def find_lockable(axis: LockAxis, name: str) -> Lockable:
    """A thing by its public id, or by the name people use: a user name, a slug, `target/repository`, a tier.

    Raises: NotFound when there is no such thing; CallerError for a name that cannot be one.
    """
    text = name.strip()
    if not text or len(text) > MAX_NAME_CHARS:
        raise CallerError(Reason.INVALID_INPUT, "Say what to lock.", field="name")
    found = _FINDERS[axis](axis, text)
    if found is None:
        raise NotFound(f"There is no {axis} that is called so.", field="name")
    return found


def _account(axis: LockAxis, name: str) -> Lockable | None:
    account = User.objects.filter(public_id=name).first() or find_by_name(name)
    if account is None or account.is_person != (axis is LockAxis.PERSON):
        return None
    return Lockable(LockFacts(axis, account.public_id), account.display_name, account)


def _grant(axis: LockAxis, name: str) -> Lockable | None:
    grant = Grant.objects.filter(public_id=name).select_related("subject", "target").first()
    if grant is None:
        return None
    label = f"{grant.subject.display_name}’s access to {describe(grant)}"
    return Lockable(LockFacts(axis, grant.public_id), label, grant.subject)


def _credential(axis: LockAxis, name: str) -> Lockable | None:
    lease = CredentialLease.objects.filter(public_id=name).select_related("holder", "grant__target").first()
    if lease is None:
        return _trust(axis, name)
    label = f"{lease.holder.display_name}’s token {lease.label or lease.public_id} for {describe(lease.grant)}"
    return Lockable(LockFacts(axis, lease.public_id), label, lease.holder)


def _trust(axis: LockAxis, name: str) -> Lockable | None:
    """A workload that is trusted as an agent: no token is got under it any more, and those it got are refused."""
    trust = WorkloadTrust.objects.filter(public_id=name).select_related("agent").first()
    if trust is None:
        return None
    return Lockable(LockFacts(axis, trust.public_id), f"{trust.agent.display_name}’s workload {trust.name}")


def _session(axis: LockAxis, name: str) -> Lockable | None:
    session = WebSession.objects.filter(public_id=name).exclude(public_id="").select_related("user").first()
    if session is None or session.user is None:
        return None
    where = session.browser or "an unknown browser"
    label = f"{session.user.display_name}’s session in {where}"
    return Lockable(LockFacts(axis, session.public_id), label, session.user)


def _device(axis: LockAxis, name: str) -> Lockable | None:
    device = Device.objects.filter(public_id=name).select_related("user").first()
    if device is None:
        return None
    label = f"{device.user.display_name}’s device {device.name}"
    return Lockable(LockFacts(axis, device.public_id, device.device_hash), label, device.user)


def _target(axis: LockAxis, name: str) -> Lockable | None:
    target = _find_target(name)
    return None if target is None else Lockable(LockFacts(axis, target.public_id), target.slug)


def _resource(axis: LockAxis, name: str) -> Lockable | None:
    """In a store also a bucket or folder that nobody catalogued: that is where a poisoned file lies."""
    known = Repository.objects.filter(public_id=name).select_related("target").first()
    if known is not None:
        return Lockable(LockFacts(axis, known.target.public_id, known.name), f"{known.target.slug}/{known.name}")
    slug, _, path = name.partition("/")
    target, path = _find_target(slug), path.strip("/")
    if target is None or not _BUCKET_OR_FOLDER.fullmatch(path):
        return None
    if target.kind != TargetKind.S3 and not Repository.objects.filter(target=target, name=path).exists():
        return None
    return Lockable(LockFacts(axis, target.public_id, path), f"{target.slug}/{path}")


def _tier(axis: LockAxis, name: str) -> Lockable | None:
    if name not in set(Tier):
        return None
    return Lockable(LockFacts(axis, name), f"everything {name}")


def _find_target(name: str) -> Target | None:
    column = "public_id" if "_" in name else "slug"
    return Target.objects.filter(**{column: name}).first()


_FINDERS = {
    LockAxis.CREDENTIAL: _credential,
    LockAxis.GRANT: _grant,
    LockAxis.SESSION: _session,
    LockAxis.PERSON: _account,
    LockAxis.DEVICE: _device,
    LockAxis.AGENT: _account,
    LockAxis.TARGET: _target,
    LockAxis.RESOURCE: _resource,
    LockAxis.TIER: _tier,
}
