"""Reads that join rooms for one page. Each is one query; what belongs to one room is asked of its selectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.selectors import is_approver
from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.selectors import IN_USE
from jit_access.audit.exchanges import TRANSFER_ENDS
from jit_access.audit.models import AuditEntry
from jit_access.credentials.models import CredentialLease
from jit_access.domain.audit_record import AuditRecord, decode_record
from jit_access.domain.lifecycle import LIVE_GRANT_STATES, LIVE_LEASE_STATES, GrantState
from jit_access.domain.scopes import parse_scope
from jit_access.grants.models import Grant
from jit_access.policies.asked import word_of_group
from jit_access.policies.services import compiled_policy
from jit_access.proxy_sessions.usage import Used, read_used
from jit_access.targets.models import Repository
from jit_access.web.presenters.request_form import Held
from jit_access.web.presenters.tokens import Use, Uses
from jit_access.web.presenters.words import scope_name
from jit_access.web.viewmodels.parts import Resource

# A token that nobody used within this many requests of its grant is not in use.
USES_LOOKED_AT = 500


def moved_by_grant(grants: Iterable[Grant]) -> dict[str, int]:
    """Bytes that went through under each grant, both ways."""
    ids = [grant.public_id for grant in grants]
    # Bytes stand in the record that closes an exchange, once.
    rows = AuditEntry.objects.filter(grant__in=ids, kind__in=TRANSFER_ENDS).values("grant")
    sums = rows.annotate(moved=Coalesce(Sum("bytes_out"), 0) + Coalesce(Sum("bytes_in"), 0))
    return {row["grant"]: row["moved"] for row in sums}


def used_by_grant(grants: Iterable[Grant]) -> dict[str, Used]:
    """What counts under the budgets of each grant that has one, a quarter of a second ago."""
    ids = [grant.public_id for grant in grants if grant.request_budget or grant.byte_budget]
    return read_used(ids) if ids else {}


def live_token_counts(grants: Iterable[Grant], now: datetime) -> dict[int, int]:
    """How many tokens of each grant work, by the grant's key."""
    live = CredentialLease.objects.filter(grant__in=grants, state__in=LIVE_LEASE_STATES, valid_until__gt=now)
    return {row["grant"]: row["count"] for row in live.values("grant").annotate(count=Count("pk"))}


def api_token_counts(accounts: Iterable[User], now: datetime) -> dict[int, int]:
    """How many API tokens of each account work, by the account's key."""
    live = ApiToken.objects.filter(IN_USE, user__in=accounts, revoked_at=None, expires_at__gt=now).values("user")
    return {row["user"]: row["count"] for row in live.annotate(count=Count("pk"))}


def token_uses(grant: Grant) -> Uses:
    """When and from where each token was used last, as far as the newest records of the gateway tell.

    An extension takes the tokens over, so what they did under the grant before it counts too.
    """
    grants = [grant.public_id, *([grant.extends.public_id] if grant.extends else [])]
    rows = AuditEntry.objects.filter(grant__in=grants, source__startswith="proxy/").order_by("-seq")
    entries = list(rows[:USES_LOOKED_AT])
    found: dict[str, Use] = {}
    for entry in entries:
        record = decode_record(entry.body.encode("utf-8"))
        if record.lease:
            found.setdefault(record.lease, Use(entry.at, record.address))
    return Uses(found, is_complete=len(entries) < USES_LOOKED_AT)


def latest_tags(grants: Sequence[Grant]) -> dict[tuple[str, str], str]:
    """The tag that was last seen in each repository of these grants."""
    names = {part.repository for grant in grants for part in parse_scope(grant.scope).resources}
    targets = {grant.target_id for grant in grants}
    rows = Repository.objects.filter(target__in=targets, name__in=names).values_list(
        "target__slug", "name", "latest_tag"
    )
    return {(slug, name): tag for slug, name, tag in rows}


def approver_names(grants: Sequence[Grant]) -> dict[int, tuple[str, ...]]:
    """First names of those who approved, by the request's key."""
    requests = AccessRequest.objects.filter(grant__in=grants, verdicts__is_approval=True)
    rows = requests.order_by("verdicts__created_at").values_list("pk", "verdicts__approver__display_name")
    names: dict[int, tuple[str, ...]] = {}
    for key, name in rows:
        names[key] = (*names.get(key, ()), name.split()[0])
    return names


def held_repositories(actor: User, now: datetime) -> dict[tuple[str, str], Held]:
    """What one has open already, whole repositories only, by target and repository."""
    rows = Grant.objects.filter(subject=actor, state__in=[GrantState.SCHEDULED, GrantState.ACTIVE])
    held: dict[tuple[str, str], Held] = {}
    grants = list(rows.select_related("target"))
    used = used_by_grant(grants)
    for grant in grants:
        if (grant.valid_until or grant.start_by) > now:
            is_spent = _is_spent(grant, used.get(grant.public_id, Used()))
            # With some tags only, one may still ask for the rest.
            for part in (part for part in parse_scope(grant.scope).resources if part.is_whole):
                held[(grant.target.slug, part.repository)] = Held(grant.valid_until, part.operations, is_spent)
    return held


def _is_spent(grant: Grant, used: Used) -> bool:
    requests, moved = grant.request_budget, grant.byte_budget
    return bool(requests and used.requests >= requests) or bool(moved and used.moved >= moved)


def other_grant_count(request: AccessRequest) -> int:
    """Grants that run for the requester now, except the one of this request and the one that it extends."""
    rows = Grant.objects.filter(subject=request.requester, state=GrantState.ACTIVE)
    return rows.exclude(request_id=request.pk).exclude(pk=request.extends_id or 0).count()


def grants_per_target() -> dict[int, int]:
    """How many grants live at each target."""
    rows = Grant.objects.filter(state__in=LIVE_GRANT_STATES).values("target").annotate(count=Count("pk"))
    return {row["target"]: row["count"] for row in rows}


def repositories_per_target() -> dict[int, int]:
    """How many repositories are known at each target."""
    rows = Repository.objects.filter(gone_at=None).values("target").annotate(count=Count("pk"))
    return {row["target"]: row["count"] for row in rows}


def grants_per_repository(target_id: int) -> dict[str, int]:
    """How many live grants name each repository of a target."""
    counts: dict[str, int] = {}
    for scope in Grant.objects.filter(target=target_id, state__in=LIVE_GRANT_STATES).values_list("scope", flat=True):
        for part in parse_scope(scope).resources:
            counts[part.repository] = counts.get(part.repository, 0) + 1
    return counts


def resources_of(entries: Sequence[AuditEntry]) -> dict[str, Resource]:
    """The repositories of each grant and request that these records speak of, by public id."""
    found: dict[str, Resource] = {}
    for model, ids in (
        (Grant, {entry.grant for entry in entries}),
        (AccessRequest, {entry.request for entry in entries}),
    ):
        rows = model._default_manager.filter(public_id__in=ids - {""}).values_list("public_id", "target__slug", "scope")
        found |= {key: Resource(slug, scope_name(parse_scope(scope))) for key, slug, scope in rows}
    return found


def account_names(records: Iterable[AuditRecord]) -> dict[str, str]:
    """The accounts that records tell of beside the one that acts, by public id."""
    ids = {str(record.detail["account"]) for record in records if record.detail.get("account")}
    return dict(User.objects.filter(public_id__in=ids).values_list("public_id", "display_name")) if ids else {}


def decides(actor: User) -> bool:
    """True when policy, or a request made under an earlier one, names a group of this person as one that agrees."""
    if not actor.is_person:
        return False
    groups = frozenset(actor.groups.values_list("name", flat=True))
    compiled = compiled_policy()
    named = {item.group for rule in compiled.rules.values() for item in rule.terms.approvals} if compiled else set()
    return bool(frozenset(map(word_of_group, groups)) & named) or is_approver(actor=actor)
