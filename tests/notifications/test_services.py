"""Messages: written with the change they speak of, delivered later, once for each person who is told."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction

from jit_access.accounts.models import User
from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.notifications import channels
from jit_access.notifications.models import Notification
from jit_access.notifications.selectors import messages_of
from jit_access.notifications.services import FIRST_RETRY, MAX_ATTEMPTS, deliver_due, tell
from jit_access.notifications.tasks import send_due
from tests.conftest import Clock
from tests.support.cast import Cast


def tell_ben(user: User, key: str = "req_1:asked", **changes: str) -> None:
    facts = {
        "kind": "request.asked",
        "subject": "Answer by 13:34 UTC: Ada asks to pull llm/llama-70b-ft for 2 h",
        "text": "Ada Okafor asks to pull llm/llama-70b-ft for 2 h.\n\nFirst use in 90 days.",
        "path": "/approvals/req_1",
    } | changes
    tell(user, dedupe_key=key, **facts)


class TestTelling:
    def test_a_repeat_is_told_once(self, cast: Cast) -> None:
        tell_ben(cast.ben)
        tell_ben(cast.ben)
        tell_ben(cast.dora)
        assert messages_of(cast.ben).count() == messages_of(cast.dora).count() == 1

    def test_it_goes_back_with_the_change(self, cast: Cast) -> None:
        def change() -> None:
            with transaction.atomic():
                tell_ben(cast.ben)
                raise RuntimeError("the change failed")

        with pytest.raises(RuntimeError):
            change()
        assert not messages_of(cast.ben).exists()

    def test_a_machines_messages_go_to_its_owner(self, cast: Cast) -> None:
        tell_ben(cast.ci_bot)
        assert messages_of(cast.ada).count() == 1
        assert not messages_of(cast.ci_bot).exists()

    @pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "approvals", "javascript:x"])
    def test_links_lead_to_our_own_pages(self, cast: Cast, path: str) -> None:
        with pytest.raises(ValueError, match="our own pages"):
            tell_ben(cast.ben, path=path)

    def test_what_people_wrote_cannot_forge_headers_or_lines(self, cast: Cast) -> None:
        tell_ben(cast.ben, subject="Ada asks\r\nBcc: everybody@example.test", text="a\u202eb\x1b[31m")
        deliver_due()
        (message,) = mail.outbox
        assert message.recipients() == ["ben@example.test"]
        assert "\n" not in message.subject
        assert "\x1b" not in message.body
        assert "\u202e" not in message.body


class TestMail:
    def test_plain_text_first_with_one_link_whose_host_is_written_out(self, cast: Cast) -> None:
        tell_ben(cast.ben)
        send_due()
        (message,) = mail.outbox
        assert message.subject.startswith("Answer by 13:34 UTC: Ada asks")
        assert message.body.startswith(message.subject)
        assert message.body.count("http") == 1
        assert "http://localhost:8000/approvals/req_1" in message.body
        assert "Open it at localhost:8000" in message.body
        assert "You get this because Ben Okafor has an account" in message.body
        assert message.extra_headers["Auto-Submitted"] == "auto-generated"

    def test_the_html_says_the_same_and_escapes_what_people_wrote(self, cast: Cast) -> None:
        tell_ben(cast.ben, text="<script>alert(1)</script> & more")
        deliver_due()
        ((html, kind),) = mail.outbox[0].alternatives  # type: ignore[attr-defined]  # multipart
        assert kind == "text/html"
        assert "&lt;script&gt;" in html
        assert not any(bad in html for bad in ("<script", "<img", "style=", "onclick"))
        assert "<script>alert(1)</script>" in mail.outbox[0].body

    def test_who_has_no_address_or_is_locked_reads_in_the_pages_only(self, cast: Cast) -> None:
        User.objects.filter(pk=cast.ben.pk).update(email="")
        lock_account(actor=GATEWAY, user=cast.dora)
        tell_ben(cast.ben)
        tell_ben(cast.dora)
        assert deliver_due() == 2
        assert mail.outbox == []
        assert not Notification.objects.filter(sent_at=None).exists()


class Flaky:
    """A channel that fails as often as it is told to."""

    name = "flaky"

    def __init__(self) -> None:
        self.failures: list[PeerError] = []
        self.delivered: list[str] = []

    def deliver(self, notification: Notification) -> None:
        if self.failures:
            raise self.failures.pop()
        self.delivered.append(notification.public_id)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    mail_channel = {channel.name: channel for channel in channels.registered()}["mail"]
    channels.unregister("mail")
    channel = Flaky()
    channels.register(channel)
    yield channel
    channels.unregister("flaky")
    channels.register(mail_channel)


class TestTrouble:
    def away(self, *, retryable: bool = True) -> PeerError:
        return PeerError(Reason.UPSTREAM_AWAY, retryable=retryable)

    def test_sent_once_is_never_sent_again(self, cast: Cast, flaky: Flaky) -> None:
        tell_ben(cast.ben)
        assert [deliver_due(), deliver_due()] == [1, 0]
        assert len(flaky.delivered) == 1

    def test_a_failure_is_tried_again_later_and_later(self, cast: Cast, flaky: Flaky, clock: Clock) -> None:
        tell_ben(cast.ben)
        flaky.failures = [self.away(), self.away()]
        assert deliver_due() == 0
        clock.advance(seconds=FIRST_RETRY.total_seconds() - 2)
        assert (deliver_due(), len(flaky.failures)) == (0, 1)
        clock.advance(seconds=4)
        assert (deliver_due(), len(flaky.failures)) == (0, 0)
        clock.advance(seconds=FIRST_RETRY.total_seconds() + 2)
        assert deliver_due() == 0
        clock.advance(seconds=FIRST_RETRY.total_seconds())
        assert deliver_due() == 1

    def test_one_that_fails_does_not_hold_up_the_others(self, cast: Cast, flaky: Flaky) -> None:
        tell_ben(cast.ben)
        tell_ben(cast.dora)
        flaky.failures = [self.away()]
        assert deliver_due() == 1

    def test_in_the_end_it_is_given_up_and_recorded(self, cast: Cast, flaky: Flaky, clock: Clock) -> None:
        tell_ben(cast.ben)
        flaky.failures = [self.away() for _ in range(MAX_ATTEMPTS)]
        for _ in range(MAX_ATTEMPTS + 3):
            deliver_due()
            clock.advance(hours=2)
        assert Notification.objects.get().attempts == MAX_ATTEMPTS
        assert AuditEntry.objects.filter(kind="notification.undeliverable").count() == 1

    def test_what_cannot_be_mended_is_not_tried_again(self, cast: Cast, flaky: Flaky, clock: Clock) -> None:
        tell_ben(cast.ben)
        flaky.failures = [self.away(retryable=False)]
        deliver_due()
        clock.advance(hours=2)
        assert deliver_due() == 0
        assert AuditEntry.objects.filter(kind="notification.undeliverable").count() == 1

    def test_two_workers_never_hold_one_row(self, cast: Cast, flaky: Flaky, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second worker starts while the first one is still sending."""
        tell_ben(cast.ben)
        seen = []

        def deliver(notification: Notification) -> None:
            seen.append(deliver_due())
            flaky.delivered.append(notification.public_id)

        monkeypatch.setattr(flaky, "deliver", deliver)
        assert deliver_due() == 1
        assert seen == [0]
        assert len(flaky.delivered) == 1

    def test_a_worker_that_died_is_replaced(self, cast: Cast, flaky: Flaky, clock: Clock) -> None:
        tell_ben(cast.ben)
        Notification.objects.update(attempts=1, next_attempt_at=clock.now() + timedelta(minutes=2))
        assert deliver_due() == 0
        clock.advance(minutes=2)
        assert deliver_due() == 1

    def test_the_mail_servers_own_words_are_not_kept(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise smtplib.SMTPServerDisconnected("canary-password")

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
        tell_ben(cast.ben)
        for _ in range(MAX_ATTEMPTS):
            deliver_due()
            clock.advance(hours=2)
        assert "canary" not in AuditEntry.objects.get(kind="notification.undeliverable").body
