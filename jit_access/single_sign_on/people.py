"""From a provider's subject to a person of ours: by (provider, sub) and nothing else.

A mail address or a name is what somebody was called at some moment; both get reused, and both can be chosen.
"""

from __future__ import annotations

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.accounts.services import add_to_group, create_person_without_password, remove_from_group
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh, signed_in_user
from jit_access.notifications.services import tell
from jit_access.single_sign_on.models import GroupMapping, Identity, Provider
from jit_access.single_sign_on.tokens import SignOn


def find(provider: Provider, told: SignOn) -> User | None:
    """Who this is here, if anybody."""
    found = Identity.objects.select_related("user").filter(provider=provider, subject=told.subject).first()
    return found.user if found is not None else None


def find_or_make(provider: Provider, told: SignOn) -> User:
    """The person to sign in. Raises: PolicyRefusal (identity-unknown, account-locked)."""
    user = find(provider, told)
    if user is None:
        if not provider.may_provision:
            raise PolicyRefusal(Reason.IDENTITY_UNKNOWN)
        user = _provision(provider, told)
    if not user.is_active or not user.is_person:
        raise PolicyRefusal(Reason.ACCOUNT_LOCKED)
    Identity.objects.filter(provider=provider, subject=told.subject).update(used_at=clock.now())
    return user


def link(provider: Provider, user: User, told: SignOn) -> None:
    """From now on this subject is this person. Callers asked for a fresh second factor.

    Raises: PolicyRefusal (identity-taken) when either has a counterpart already.
    """
    with audited(actor=user.ref) as audit:
        if Identity.objects.filter(provider=provider, subject=told.subject, user=user).exists():
            return
        try:
            with transaction.atomic():
                identity = _make_identity(provider, user, told)
        except IntegrityError as exc:
            raise PolicyRefusal(Reason.IDENTITY_TAKEN) from exc
        keep_groups(provider, user, told.groups)
        record_id = audit.record("identity.linked", detail={"provider": provider.slug, "identity": identity.public_id})
        tell(
            user,
            kind="identity.linked",
            subject=f"Your account is linked to {provider.name}",
            text="Whoever signs in as you there is you here. If this was not you, unlink it and tell security.",
            path="/settings",
            dedupe_key=f"identity:{record_id}",
        )


def unlink(request: HttpRequest, *, public_id: str) -> None:
    """One's own identity is nobody's from now on. Raises: NotFound; PolicyRefusal without a fresh second factor.

    Somebody without a password would have no way in any more, so they cannot.
    """
    user = signed_in_user(request)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    identity = Identity.objects.select_related("provider").filter(user=user, public_id=public_id).first()
    if identity is None:
        raise NotFound
    if not user.has_usable_password():
        raise Conflict(Reason.STATE_CHANGED, "It is your only way in: you have no password here.")
    with audited(actor=user.ref) as audit:
        identity.delete()
        audit.record("identity.unlinked", detail={"provider": identity.provider.slug, "identity": public_id})


def keep_groups(provider: Provider, user: User, external: frozenset[str]) -> None:
    """Make the groups that this provider speaks for what it says now. Others are left alone.

    A lost group ends what rests on it in the same transaction (`accounts.changes`).
    """
    mapped = GroupMapping.objects.filter(provider=provider).exclude(group__in=settings.PROTECTED_GROUPS)
    meaning: dict[str, set[str]] = {}
    for row in mapped:
        meaning.setdefault(row.external, set()).add(row.group)
    spoken_for = {group for groups in meaning.values() for group in groups}
    wanted = {group for name in external for group in meaning.get(name, ())}
    held = groups_of(user)
    for group in sorted(wanted - held):
        add_to_group(actor=provider.ref, user=user, group=group)
    for group in sorted((spoken_for - wanted) & held):
        remove_from_group(actor=provider.ref, user=user, group=group)


def _provision(provider: Provider, told: SignOn) -> User:
    claims = told.claims
    name, shown = claims.get(provider.username_claim), claims.get("name")
    mail = claims.get("email") if claims.get("email_verified") is True else ""
    try:
        with audited(actor=provider.ref) as audit:
            user = create_person_without_password(
                actor=provider.ref,
                username=name if isinstance(name, str) else "",
                display_name=shown if isinstance(shown, str) and shown.strip() else str(name or ""),
                email=mail if isinstance(mail, str) else "",
            )
            identity = _make_identity(provider, user, told)
            audit.record(
                "identity.provisioned",
                detail={"provider": provider.slug, "identity": identity.public_id, "account": user.public_id},
            )
    except CallerError as exc:  # the name is taken or is none: another person's account is never handed over
        sentence = "Your name at the provider cannot be used here: it is taken, or is none. Ask the operators."
        raise PolicyRefusal(Reason.IDENTITY_UNKNOWN, sentence) from exc
    return user


def _make_identity(provider: Provider, user: User, told: SignOn) -> Identity:
    return Identity.objects.create(
        public_id=new_id("idn"), provider=provider, user=user, subject=told.subject, linked_at=clock.now()
    )
