"""To whom a target was given: those whom a rule's `target-owner` asks. Operators say so, never in their own favour."""

from __future__ import annotations

from collections.abc import Collection

from jit_access.access_requests.services.voiding import void_verdicts_of_owners
from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.names import fold_name
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.targets.access import Actor, require_operator
from jit_access.targets.models import Target

MAX_OWNERS = 20
_GROUP_CHARS_MAX = 150


def name_owners(*, actor: Actor, target: Target, group: str, people: Collection[str]) -> Target:
    """Give a target to a group and to people, by their user names. Both replace what was there; a repeat is a no-op.

    Approvals that former owners gave to open requests are taken back. Raises: NotFound for whoever is no operator;
    CallerError for a name that nobody has; PolicyRefusal (own-rights) for operators who name themselves.
    """
    require_operator(actor)
    wanted_group = _parse_group(group)
    wanted = {one.pk: one for one in map(_find, dict.fromkeys(people))}
    with audited(actor=actor.ref) as audit:
        held = Target.objects.select_for_update().get(pk=target.pk)
        before = set(held.owners.values_list("pk", flat=True))
        if (held.owner_group, before) == (wanted_group, set(wanted)):
            return held
        _refuse_oneself(actor, held, [wanted[pk] for pk in wanted if pk not in before])
        held.owner_group = wanted_group
        held.save(update_fields=["owner_group"])
        held.owners.set(wanted.values())
        names = " ".join(sorted(one.public_id for one in wanted.values()))
        audit.record("target.owners-named", target=held.slug, detail={"group": wanted_group, "accounts": names})
        void_verdicts_of_owners(held.pk)
    return held


def owner_names(target: Target) -> tuple[str, ...]:
    """The user names of the people to whom it was given, in order."""
    return tuple(target.owners.order_by("username").values_list("username", flat=True))


def _parse_group(text: str) -> str:
    name = text.strip()
    if name and (len(name) > _GROUP_CHARS_MAX or not name.replace("-", "").isalnum() or name != name.lower()):
        raise CallerError(Reason.INVALID_INPUT, "A group's name has small letters, digits and - only.", field="group")
    return name


def _find(name: str) -> User:
    folded = fold_name(name)
    found = User.objects.filter(username=folded, kind=AccountKind.PERSON, is_active=True).first() if folded else None
    if found is None:
        raise CallerError(Reason.INVALID_INPUT, f"Nobody here is called {name[:60]}.", field="people")
    return found


def _refuse_oneself(actor: Actor, target: Target, new: Collection[User]) -> None:
    """Who could make themselves an owner could approve alone what rules meant two people for."""
    if any(one.public_id == actor.ref.id for one in new):
        record_refusal(actor=actor.ref, kind="target.owners-refused", reason=Reason.OWN_RIGHTS, target=target.slug)
        raise PolicyRefusal(Reason.OWN_RIGHTS)
