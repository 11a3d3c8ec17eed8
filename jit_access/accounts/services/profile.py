"""What an account is called. Only a directory that speaks for a person changes it."""

from __future__ import annotations

from jit_access.accounts.models import User
from jit_access.accounts.names import check_name
from jit_access.accounts.services.people import check_display_name, check_email
from jit_access.audit.recorder import audited
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import Conflict
from jit_access.domain.reasons import Reason


def change_profile(
    *, actor: ActorRef, user: User, username: str, display_name: str, email: str = "", title: str = ""
) -> None:
    """Take over names, address and title. What stays the same is no change.

    Raises: CallerError for what cannot be used; Conflict when the name is somebody else's.
    """
    wanted = {
        "username": check_name(username),
        "display_name": check_display_name(display_name),
        "email": check_email(email),
        "title": clean_text(title.strip())[:160],
    }
    with audited(actor=actor) as audit:
        locked = User.objects.select_for_update().get(pk=user.pk)
        changed = {field: value for field, value in wanted.items() if getattr(locked, field) != value}
        if not changed:
            return
        if "username" in changed and User.objects.filter(username=changed["username"]).exists():
            raise Conflict(Reason.DUPLICATE_REQUEST, "That name is taken.", field="username")
        for field, value in changed.items():
            setattr(locked, field, value)
        locked.save(update_fields=list(changed))
        audit.record("account.profile-changed", detail={"account": locked.public_id, "changed": ", ".join(changed)})
    user.refresh_from_db()
