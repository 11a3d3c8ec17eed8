from __future__ import annotations

import json

import pytest
from django.utils import timezone

from jit_access.audit.models import AuditEntry
from jit_access.core.sealing import SealBroken
from jit_access.core.secret import Secret
from jit_access.domain.errors import CallerError, Conflict, NotFound, PeerError
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Entitlement
from jit_access.targets import services
from jit_access.targets.endpoints import endpoint_of
from jit_access.targets.models import Repository, Target, TargetHealth
from tests.connectors.real_registry import PASSWORD, RealRegistry
from tests.support.cast import Cast
from tests.support.processes import free_port
from tests.targets.samples import kinds, new_target, records

pytestmark = pytest.mark.django_db


def test_an_operator_adds_a_target_that_answers(cast: Cast, registry: RealRegistry, announced: list[str]) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    assert target.health == TargetHealth.REACHABLE
    assert endpoint_of(target).password.reveal() == PASSWORD
    assert announced == ["targets"]
    assert kinds() == ["target.added"]


def test_the_password_is_nowhere_in_the_clear(cast: Cast, registry: RealRegistry) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    assert PASSWORD not in json.dumps(list(Target.objects.values()), default=str)
    assert PASSWORD not in "".join(AuditEntry.objects.values_list("body", flat=True))
    assert PASSWORD not in repr(new_target(registry))
    assert PASSWORD not in repr(endpoint_of(target))


def test_a_sealed_password_opens_at_its_own_target_only(cast: Cast, registry: RealRegistry) -> None:
    first = services.add_target(actor=cast.ben, new=new_target(registry))
    second = services.add_target(actor=cast.ben, new=new_target(registry, slug="other-registry"))
    assert first.sealed_password != second.sealed_password
    Target.objects.filter(pk=second.pk).update(sealed_password=first.sealed_password)
    second.refresh_from_db()
    with pytest.raises(SealBroken):
        endpoint_of(second)


@pytest.mark.parametrize("who", ["ada", "cleo", "dora", "ci_bot", "locked"])
def test_nobody_else_learns_that_there_is_anything(cast: Cast, registry: RealRegistry, who: str) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    repository = Repository.objects.create(target=target, name="llm/x")
    actor = cast.ben if who == "locked" else getattr(cast, who)
    if who == "locked":
        actor.is_active = False
    if who == "ci_bot":
        actor.groups.set(cast.ben.groups.all())
    attempts = (
        lambda: services.add_target(actor=actor, new=new_target(registry, slug="mine")),
        lambda: services.update_credential(actor=actor, target=target, username="x", password=Secret("y")),
        lambda: services.check_target(actor=actor, target=target),
        lambda: services.name_origins(
            actor=actor, target=target, token_origins=["https://auth.example"], redirect_origins=[]
        ),
        lambda: services.set_tier(actor=actor, repository=repository, tier=Tier.STANDARD),
        lambda: services.describe_repository(actor=actor, repository=repository, description="x"),
        lambda: services.remove_target(actor=actor, target=target),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert kinds() == ["target.added"] + ["target.management-refused"] * len(attempts)
    assert Target.objects.count() == 1


def test_a_target_that_refuses_the_credential_is_not_added(
    cast: Cast, registry: RealRegistry, announced: list[str]
) -> None:
    with pytest.raises(PeerError) as caught:
        services.add_target(actor=cast.ben, new=new_target(registry, password=Secret("wrong")))
    assert caught.value.sentence == "prod-registry refuses the credential."
    assert Target.objects.count() == 0
    assert announced == []
    assert [(record["kind"], record["reason"]) for record in records()] == [
        ("target.add-refused", "upstream-refused-credential")
    ]


def test_a_target_that_is_away_is_not_added(cast: Cast) -> None:
    gone = RealRegistry(free_port(), PASSWORD)
    with pytest.raises(PeerError) as caught:
        services.add_target(actor=cast.ben, new=new_target(gone))
    assert caught.value.sentence == f"prod-registry does not answer at {gone.base_url}."
    assert kinds() == ["target.add-refused"]


def test_a_private_address_needs_the_operators_word(cast: Cast, registry: RealRegistry) -> None:
    secure = registry.base_url.replace("http:", "https:")
    with pytest.raises(PeerError, match="where no target may be"):
        services.add_target(actor=cast.ben, new=new_target(registry, base_url=secure, allow_private=False))


def test_places_beside_a_target_are_named_by_operators_and_announced(
    cast: Cast, registry: RealRegistry, announced: list[str]
) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry, token_origins=("HTTPS://Auth.Example:443/",)))
    assert (target.token_origins, target.redirect_origins) == (["https://auth.example"], [])
    assert endpoint_of(target).token_origins == ("https://auth.example",)
    for _ in range(2):  # a repeat is a no-op
        held = services.name_origins(
            actor=cast.ben,
            target=target,
            token_origins=[],
            redirect_origins=["https://b.example", "https://a.example", "https://a.example:443"],
        )
    assert (held.token_origins, held.redirect_origins) == ([], ["https://a.example", "https://b.example"])
    assert announced == ["targets"] * 2
    assert kinds() == ["target.added", "target.origins-named"]
    assert records()[-1]["detail"] == {
        "token_origins": "",
        "redirect_origins": "https://a.example https://b.example",
    }


@pytest.mark.parametrize("field", ["token_origins", "redirect_origins"])
@pytest.mark.parametrize(
    "text",
    ["https://auth.example/token", "https://user:pw@auth.example", "auth.example", "*", "https://*.example", "file:/x"],
)
def test_places_that_are_no_origins_are_refused(
    cast: Cast, registry: RealRegistry, field: str, text: str, announced: list[str]
) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    given = {"token_origins": (), "redirect_origins": ()} | {field: (text,)}
    with pytest.raises(CallerError) as caught:
        services.name_origins(actor=cast.ben, target=target, **given)
    assert caught.value.fields["field"] == field
    target.refresh_from_db()
    assert (target.token_origins, target.redirect_origins) == ([], [])
    assert announced == ["targets"]


def test_a_short_name_is_used_once(cast: Cast, registry: RealRegistry) -> None:
    services.add_target(actor=cast.ben, new=new_target(registry))
    with pytest.raises(Conflict) as caught:
        services.add_target(actor=cast.ben, new=new_target(registry))
    assert caught.value.fields["field"] == "slug"


def test_a_bad_field_is_refused_before_anything_is_asked(cast: Cast, registry: RealRegistry) -> None:
    with pytest.raises(CallerError) as caught:
        services.add_target(actor=cast.ben, new=new_target(registry, base_url="http://169.254.169.254/latest"))
    assert caught.value.fields["field"] == "base_url"


def test_a_new_credential_must_work_before_it_replaces_the_old(
    cast: Cast, registry: RealRegistry, announced: list[str]
) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    before = target.sealed_password
    with pytest.raises(PeerError):
        services.update_credential(actor=cast.ben, target=target, username="gateway", password=Secret("wrong"))
    target.refresh_from_db()
    assert target.sealed_password == before
    assert announced == ["targets"]
    updated = services.update_credential(actor=cast.ben, target=target, username="gateway", password=Secret(PASSWORD))
    assert updated.sealed_password != before
    assert endpoint_of(updated).password.reveal() == PASSWORD
    assert announced == ["targets", "targets"]
    assert kinds() == ["target.added", "target.credential-refused", "target.credential-replaced"]


def test_health_follows_the_target_and_only_changes_are_recorded(cast: Cast, registry: RealRegistry) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    assert services.check_every_target() == 0
    Target.objects.filter(pk=target.pk).update(base_url=f"http://127.0.0.1:{free_port()}")
    assert services.check_every_target() == 1
    assert services.check_every_target() == 1
    target.refresh_from_db()
    assert target.health == TargetHealth.AWAY
    assert target.health_reason == "upstream-away"
    with pytest.raises(PeerError):
        services.check_target(actor=cast.ben, target=target)
    Target.objects.filter(pk=target.pk).update(base_url=registry.base_url)
    target.refresh_from_db()
    assert services.check_target(actor=cast.ben, target=target).health == TargetHealth.REACHABLE
    assert kinds() == ["target.added", "target.health-changed", "target.health-changed"]


def test_a_refused_credential_is_told_apart_from_an_absence(cast: Cast, registry: RealRegistry) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    Target.objects.filter(pk=target.pk).update(username="stranger")
    assert services.check_every_target() == 1
    target.refresh_from_db()
    assert target.health == TargetHealth.REFUSED


def test_one_damaged_row_does_not_hide_the_others(cast: Cast, registry: RealRegistry) -> None:
    damaged = services.add_target(actor=cast.ben, new=new_target(registry))
    Target.objects.filter(pk=damaged.pk).update(sealed_password="v1.broken", checked_at=None)
    sound = services.add_target(actor=cast.ben, new=new_target(registry, slug="sound"))
    Target.objects.filter(pk=sound.pk).update(health=TargetHealth.AWAY, checked_at=timezone.now())
    assert services.check_every_target() == 1
    sound.refresh_from_db()
    assert sound.health == TargetHealth.REACHABLE


def test_a_tier_change_is_recorded_and_told(cast: Cast, registry: RealRegistry, announced: list[str]) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    repository = Repository.objects.create(target=target, name="llm/x")
    announced.clear()
    changed = services.set_tier(actor=cast.ben, repository=repository, tier=Tier.SENSITIVE)
    assert changed.tier == Tier.SENSITIVE
    assert announced == ["tier", "targets"]
    assert records()[-1]["detail"] == {"tier": "sensitive", "was": "critical"}
    services.set_tier(actor=cast.ben, repository=repository, tier=Tier.SENSITIVE)
    assert kinds() == ["target.added", "repository.tier-changed"]


def test_a_target_on_which_nothing_lived_can_go(cast: Cast, registry: RealRegistry, announced: list[str]) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    Repository.objects.create(target=target, name="llm/x")
    services.remove_target(actor=cast.ben, target=target)
    assert Target.objects.count() == 0
    assert announced == ["targets", "targets"]
    assert kinds() == ["target.added", "target.removed"]


def test_a_target_with_a_history_stays(cast: Cast, registry: RealRegistry, announced: list[str]) -> None:
    target = services.add_target(actor=cast.ben, new=new_target(registry))
    Repository.objects.create(target=target, name="llm/x")
    Entitlement.objects.create(subject=cast.ada, target=target, resource="llm/x", operation="pull")
    with pytest.raises(Conflict) as caught:
        services.remove_target(actor=cast.ben, target=target)
    assert caught.value.reason is Reason.STATE_CHANGED
    assert Repository.objects.count() == 1
    assert announced == ["targets"]
    assert kinds() == ["target.added", "target.remove-refused"]
