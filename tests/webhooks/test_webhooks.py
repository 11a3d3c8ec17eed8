"""An agent's server is told of changes: signed, at least once, nowhere it must not go, and not for ever."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.connectors import wire
from jit_access.core import clock as core_clock
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants.services import relinquish_grant
from jit_access.notifications.models import Notification
from jit_access.webhooks import outbox, services
from jit_access.webhooks.models import Delivery, Webhook
from tests.conftest import Clock
from tests.support.cast import make_service_account
from tests.support.lifecycles import BASE, World, active, fresh, make_world
from tests.support.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "receive-webhooks.md"


@pytest.fixture
def world(cast) -> World:
    return make_world(cast)


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    with receiving() as one:
        yield one


@pytest.fixture
def registered(world: World, receiver: Receiver) -> services.Registered:
    return register(world, receiver.url)


def register(world: World, url: str, **changes: Any) -> services.Registered:
    facts = {"actor": world.cast.ada, "agent": world.cast.ci_bot, "url": url, "assurance": fresh()}
    return services.register_webhook(**(facts | changes))


def verifier() -> Any:
    """What the guide tells receivers to run."""
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.strip().splitlines()) <= 15
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # our own guide
    return names["verify"]


def test_changes_arrive_signed_with_ids_and_states_only(
    world: World, registered: services.Registered, receiver: Receiver
) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    relinquish_grant(actor=world.cast.ci_bot, grant=grant)
    assert outbox.deliver_due() == len(receiver.got) == Delivery.objects.count()
    verify, secret = verifier(), registered.secret.reveal()
    messages = [verify(secret, headers, body) for headers, body in receiver.got]
    types = [message["type"] for message in messages]
    assert {"request.submitted", "grant.scheduled", "grant.active", "grant.revoking"} <= set(types)
    assert set().union(*(message["data"] for message in messages)) <= {"agent", "request", "grant", "state", "reason"}
    [told] = [message["data"] for message in messages if message["type"] == "grant.active"]
    assert told["grant"] == grant.public_id
    assert outbox.deliver_due() == 0


def test_what_is_not_ours_is_not_believed(world: World, registered: services.Registered, receiver: Receiver) -> None:
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    outbox.deliver_due()
    [(headers, body)] = receiver.got
    verify, secret = verifier(), registered.secret.reveal()
    assert verify(secret, headers, body)["type"] == "webhook.test"
    for changed in (
        (secret, headers, body + b" "),
        (secret, headers | {"webhook-id": "msg_other"}, body),
        (secret, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 400)}, body),
        (secret[:-5] + "AAAA=", headers, body),
    ):
        with pytest.raises(ValueError, match=r"too old|not from"):
            verify(*changed)


def test_peoples_own_changes_are_not_told(world: World, registered: services.Registered) -> None:
    active(world, BASE)
    assert not Delivery.objects.exists()


def test_a_rotation_overlaps(world: World, registered: services.Registered, receiver: Receiver, clock: Clock) -> None:
    newer = services.rotate_secret(actor=world.cast.ada, agent=world.cast.ci_bot, assurance=fresh())
    verify = verifier()

    def last() -> tuple[dict[str, str], bytes]:
        services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
        assert outbox.deliver_due() == 1
        return receiver.got[-1]

    headers, body = last()
    for secret in (registered.secret, newer.secret):
        assert verify(secret.reveal(), headers, body)
    Webhook.objects.update(old_until=core_clock.now())
    headers, body = last()
    assert verify(newer.secret.reveal(), headers, body)
    with pytest.raises(ValueError, match="not from"):
        verify(registered.secret.reveal(), headers, body)


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (302, {"Location": "http://127.0.0.1:1/"}), (404, {})])
def test_a_failure_is_tried_again(
    world: World, registered: services.Registered, receiver: Receiver, clock: Clock, status: int, headers: dict
) -> None:
    receiver.status, receiver.headers = status, headers
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    assert outbox.deliver_due() == 0
    assert (Delivery.objects.get().outcome, outbox.deliver_due(), len(receiver.got)) == (str(status), 0, 1)
    assert Webhook.objects.get().failing_since is not None
    receiver.status = 200
    clock.advance(seconds=6)
    assert outbox.deliver_due() == 1
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    assert Webhook.objects.get().failing_since is None


def test_it_waits_as_long_as_it_is_told(
    world: World, registered: services.Registered, receiver: Receiver, clock: Clock
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "120"}
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    outbox.deliver_due()
    clock.advance(seconds=60)
    outbox.deliver_due()
    assert len(receiver.got) == 1
    clock.advance(seconds=61)
    outbox.deliver_due()
    assert len(receiver.got) == 2


def test_after_a_day_a_message_and_after_three_the_address_is_given_up(
    world: World, registered: services.Registered, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 500
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    outbox.deliver_due()
    Delivery.objects.update(created_at=core_clock.now() - outbox.TRIED_FOR)
    clock.advance(seconds=10)
    outbox.deliver_due()
    assert Delivery.objects.get().given_up_at is not None
    assert Webhook.objects.get().disabled_at is None
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    Webhook.objects.update(failing_since=core_clock.now() - outbox.DISABLED_AFTER)
    outbox.deliver_due()
    assert Webhook.objects.get().disabled_because == Reason.WEBHOOK_FAILING
    assert Notification.objects.get(kind="webhook-disabled").user == world.cast.ada
    assert AuditEntry.objects.filter(kind="webhook.disabled", reason="webhook-failing").count() == 1
    active(world, BASE, actor=world.cast.ci_bot)
    assert Delivery.objects.filter(sent_at=None, given_up_at=None).count() == 0
    with pytest.raises(Conflict):
        services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    services.change_webhook(actor=world.cast.ada, agent=world.cast.ci_bot, url=receiver.url, assurance=fresh())
    receiver.status = 200
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    assert outbox.deliver_due() == 1


def test_gone_is_gone_at_once(world: World, registered: services.Registered, receiver: Receiver) -> None:
    receiver.status = 410
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    outbox.deliver_due()
    assert Webhook.objects.get().disabled_at is not None


def test_a_private_address_gets_nothing(
    world: World, registered: services.Registered, receiver: Receiver, settings
) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = False
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    assert outbox.deliver_due() == 0
    assert (Delivery.objects.get().outcome, receiver.got) == ("address-refused", [])


@pytest.mark.parametrize(
    "found", ["169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "64:ff9b::a9fe:a9fe"]
)
def test_metadata_services_never_do(
    world: World, registered: services.Registered, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.setattr(wire, "resolve", lambda _host, _port: (ip_address(found),))
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    assert outbox.deliver_due() == 0
    assert Delivery.objects.get().outcome == "address-refused"


def test_one_that_fails_holds_up_nobody_else(world: World, receiver: Receiver, clock: Clock) -> None:
    other = make_service_account("other-bot", world.cast.ada)
    with receiving() as broken:
        broken.status = 500
        register(world, broken.url)
        register(world, receiver.url, agent=other)
        for agent in (world.cast.ci_bot, world.cast.ci_bot, other):
            services.try_webhook(actor=world.cast.ada, agent=agent)
        assert outbox.deliver_due() == 1
        assert (len(broken.got), len(receiver.got)) == (1, 1)


def test_a_crash_while_sending_sends_it_again_after_the_claim(
    world: World, registered: services.Registered, receiver: Receiver, clock: Clock
) -> None:
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    assert outbox._claim(Delivery.objects.get())
    assert outbox.deliver_due() == 0
    clock.advance(seconds=outbox.CLAIM.total_seconds())
    assert outbox.deliver_due() == 1


def test_two_workers_send_one_row_once(world: World, registered: services.Registered) -> None:
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    first, second = Delivery.objects.get(), Delivery.objects.get()
    assert (outbox._claim(first), outbox._claim(second)) == (True, False)


def test_only_its_owner_with_a_fresh_factor_decides(world: World, receiver: Receiver) -> None:
    cast = world.cast
    for actor in (cast.ben, cast.dora, cast.ci_bot):
        with pytest.raises(NotFound):
            register(world, receiver.url, actor=actor)
    with pytest.raises(PolicyRefusal) as refused:
        register(world, receiver.url, assurance=fresh(age_s=301))
    assert refused.value.reason is Reason.SECOND_FACTOR_STALE
    assert AuditEntry.objects.filter(kind="webhook.refused", reason="second-factor-stale").count() == 1
    register(world, receiver.url)
    with pytest.raises(Conflict):
        register(world, receiver.url)


def test_another_owner_gets_nothing_of_the_last_ones(
    world: World, registered: services.Registered, receiver: Receiver
) -> None:
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    type(world.cast.ci_bot).objects.filter(pk=world.cast.ci_bot.pk).update(owner=world.cast.ben)
    assert outbox.deliver_due() == 0
    assert receiver.got == []
    assert Webhook.objects.get().disabled_because == Reason.WEBHOOK_OF_ANOTHER_OWNER


@pytest.mark.parametrize(
    "url",
    [
        "http://ci.example.com/x",
        "https://user@ci.example.com/",
        "https://ci.example.com/#x",
        "https://ci.example.com\\@evil/",
        "https:///x",
        "file:///etc/passwd",
        "gopher://x",
        "https://ci.example.com/" + "a" * 500,
        "https://ci.example.com/ä",
        "https://ci.example.com:0/",
        "https://ci.example.com:99999/",
        "https://[::1/",
        "",
    ],
)
def test_what_is_no_plain_https_address_is_refused(world: World, receiver: Receiver, url: str) -> None:
    with pytest.raises(CallerError) as refused:
        register(world, url)
    assert refused.value.reason is Reason.INVALID_INPUT
    assert not Webhook.objects.exists()
    register(world, "https://ci.example.com:8443/access?news=1")


def test_in_production_nothing_is_plain(world: World, receiver: Receiver, settings) -> None:
    settings.ENVIRONMENT = "production"
    with pytest.raises(CallerError):
        register(world, receiver.url)


def test_no_secret_is_in_the_row_the_log_or_the_message(
    world: World, registered: services.Registered, receiver: Receiver
) -> None:
    secret = registered.secret.reveal()
    stored = json.dumps([*Webhook.objects.values_list("sealed_secret", "url"), *AuditEntry.objects.values_list("body")])
    assert secret not in stored
    assert secret.removeprefix("whsec_") not in stored
    assert "/news" not in "".join(AuditEntry.objects.filter(kind="webhook.registered").values_list("body", flat=True))


def test_old_messages_are_forgotten(world: World, registered: services.Registered) -> None:
    services.try_webhook(actor=world.cast.ada, agent=world.cast.ci_bot)
    assert outbox.forget_old() == 0
    Delivery.objects.update(created_at=core_clock.now() - outbox.KEPT - timedelta(seconds=1))
    assert outbox.forget_old() == 1
