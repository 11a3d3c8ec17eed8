"""A new password: the old one and a fresh second factor first, everything else signed out, the person told."""

from __future__ import annotations

import pytest
from django.test import Client

from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.notifications.models import Notification
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import signed_in
from tests.web.pages_of import browser_like, heading_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "lantern orchard violin meadow"
PATH = "/settings/password"


def change(client: Client, **changes: str) -> object:
    return client.post(PATH, {"current": PASSWORD, "password": NEW, "again": NEW} | changes)


def is_password(user: User, password: str) -> bool:
    return User.objects.get(pk=user.pk).check_password(password)


def test_a_new_password_ends_every_other_session_and_tells_the_person(cast: Cast) -> None:
    here, elsewhere = signed_in(cast.ada, "fresh"), signed_in(cast.ada, "fresh")
    assert heading_of(here.get(PATH)) == "Change password"
    assert change(here)["Location"] == "/settings"
    assert is_password(cast.ada, NEW)
    assert "Your password is changed." in text_of(here.get("/settings"))
    assert elsewhere.get("/settings")["Location"].startswith("/sign-in")
    record = AuditEntry.objects.get(kind="account.password-changed")
    assert record.actor_id == cast.ada.public_id
    told = Notification.objects.get(user=cast.ada, kind="account.password-changed")
    assert "If this was not you" in told.text
    assert not AuditEntry.objects.filter(body__contains=NEW).exists()


def test_without_a_fresh_factor_nothing_can_be_typed(cast: Cast) -> None:
    stale = signed_in(cast.ada, "stale")
    for answer in (stale.get(PATH), change(stale)):
        assert answer["Location"] == "/second-factor?next=%2Fsettings%2Fpassword"
    assert is_password(cast.ada, PASSWORD)
    assert change(signed_in(cast.ada, "fresh"))["Location"] == "/settings"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"current": "not the password"}, "current", "That is not your current password."),
        ({"again": f"{NEW}!"}, "again", "The two differ."),
        ({"password": "", "again": ""}, "password", "Type it."),
        ({"password": "short", "again": "short"}, "password", "too short"),
        ({"password": PASSWORD, "again": PASSWORD}, "password", "That is the password you have."),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(
    cast: Cast, changes: dict[str, str], field: str, words: str
) -> None:
    client = signed_in(cast.ada, "fresh")
    refused = change(client, **changes)
    assert refused.status_code == 422
    assert words in text_of(refused)
    body = refused.content.decode()
    assert f'href="#f-{field}"' in body
    assert PASSWORD not in body
    assert NEW not in body
    assert is_password(cast.ada, PASSWORD)
    assert change(client).status_code == 302


def test_guesses_at_the_old_password_are_counted_over_all_sessions_and_recorded(cast: Cast) -> None:
    one, other = signed_in(cast.ada, "fresh"), signed_in(cast.ada, "fresh")
    other.defaults["REMOTE_ADDR"] = "198.51.100.9"
    for number in range(9):
        assert change(one if number % 2 else other, current="guess").status_code == 422
    assert change(one, current="guess").status_code == 429
    assert change(other).status_code == 429
    assert is_password(cast.ada, PASSWORD)
    refused = AuditEntry.objects.filter(kind="account.password-refused", actor_id=cast.ada.public_id)
    assert set(refused.values_list("reason", flat=True)) == {"sign-in-failed", "sign-in-locked"}
    assert change(signed_in(cast.ben, "fresh"))["Location"] == "/settings"


def test_a_form_of_somebody_else_changes_nothing(cast: Cast) -> None:
    assert change(browser_like(signed_in(cast.ada, "fresh"))).status_code == 403
    assert is_password(cast.ada, PASSWORD)
