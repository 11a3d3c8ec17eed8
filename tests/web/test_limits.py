"""Budgets and refused files on every page that should say them: before sending, when deciding, while using."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from jit_access.access_requests.payloads import hash_payload
from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.grants.models import Grant
from jit_access.policies.services import load_policy
from jit_access.proxy_sessions import usage
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.web.presenters.limits import budgets_phrase, file_items, limit_facts
from tests.support.lifecycles import HOUR, TINY, World, active, answer, ask, scope_of
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db(transaction=True)
HUB_MODEL, BUCKET = "models/Org/Both", "weights/llama-3"
MANY = "2 000"  # thin spaces are plain ones in `text_of`
REFUSED = "Pickle-based files are refused under this rule"
LIMITS = '@request_budget("2000") @byte_budget("200 GiB") @refuse_files("pickle") @lasts_at_most("4h")'


@pytest.fixture
def limited(world: World, tmp_path: Path) -> World:
    """The example policy, with limits on what research reads of sensitive models; and a hub and a store."""
    for file in Path(settings.POLICY_DIR).iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace('@lasts_at_most("4h")', LIMITS))
    load_policy(actor=GATEWAY, directory=tmp_path)
    for slug, kind, name in (("hub", TargetKind.HF, HUB_MODEL), ("store", TargetKind.S3, BUCKET)):
        target = Target.objects.create(slug=slug, display_name=slug, base_url="http://127.0.0.1:5001", kind=kind)
        Repository.objects.create(target=target, name=name, tier=Tier.SENSITIVE)
    return world


def preview(client: Client, name: str) -> str:
    repository = Repository.objects.get(name=name)
    sent = {"resource": repository.public_id, "operations": "pull", "lasts_s": "3600", "purpose": "x", "check": "1"}
    return text_of(client.post("/requests/new", sent))


def of(slug: str, name: str, operations: frozenset[Operation] = frozenset({Operation.PULL})) -> dict[str, object]:
    return {"target": Target.objects.get(slug=slug), "scope": scope_of(name, operations=operations)}


def test_limits_are_said_before_sending(limited: World, client_for: Callable[..., Client]) -> None:
    client = client_for(limited.cast.ada)
    text = preview(client, HUB_MODEL)
    assert REFUSED in text
    assert "Weights that run code when they are loaded (.bin, .pt, .pth, .ckpt and others)" in text
    assert f"Or earlier: after 200 GiB or {MANY} requests, or when somebody revokes it" in text
    assert "it refuses nothing here" not in text


def test_registry_whose_requests_name_no_files_is_said_to_be_one(
    limited: World, client_for: Callable[..., Client]
) -> None:  # fmt: skip
    text = preview(client_for(limited.cast.ada), TINY)
    assert REFUSED in text
    assert "it refuses nothing here" in text


def test_without_limits_nothing_is_said(world: World, client_for: Callable[..., Client]) -> None:
    text = preview(client_for(world.cast.ada), TINY)
    assert "refused under this rule" not in text
    assert "Or earlier, when somebody revokes it" in text


def test_approver_sees_and_signs_the_limits(limited: World, client_for: Callable[..., Client]) -> None:
    request = ask(limited, HUB_MODEL, **of("hub", HUB_MODEL))
    assert request.payload["terms"] | {"request_budget": 2000, "refused_files": ["pickle"]} == request.payload["terms"]
    text = text_of(client_for(limited.cast.ben).get(f"/approvals/{request.public_id}"))
    assert f"At most 200 GiB or {MANY} requests whichever comes first" in text
    assert "Refused files Weights that run code when they are loaded" in text
    assert f"{MANY} requests" in text_of(client_for(limited.cast.ada).get(f"/requests/{request.public_id}"))


def test_request_of_the_release_before_is_shown_and_decided(limited: World, client_for: Callable[..., Client]) -> None:
    """Its payload says nothing of limits. Today's policy does."""
    request = ask(limited, HUB_MODEL, **of("hub", HUB_MODEL))
    for name in ("request_budget", "refused_files"):
        del request.payload["terms"][name]
    request.payload_hash = hash_payload(request.payload)
    request.save(update_fields=["payload", "payload_hash"])
    client_for(limited.cast.ben).get(f"/approvals/{request.public_id}")
    answer(request, limited.cast.ben)
    grant = Grant.objects.get(request=request)
    assert (grant.request_budget, grant.refused_files) == (2000, ["pickle"])


def test_my_access_says_what_is_used(limited: World, client_for: Callable[..., Client]) -> None:
    grant = active(limited, HUB_MODEL, **of("hub", HUB_MODEL))
    client = client_for(limited.cast.ada)
    assert f"0 B of 200 GiB, 0 of {MANY} requests used" in text_of(client.get("/access"))
    usage.record_usage(run="1" * 32, counted={grant.public_id: usage.Used(5, 14)})
    usage.record_usage(run="2" * 32, counted={grant.public_id: usage.Used(5, 1000)})
    text = text_of(client.get("/access"))
    assert f"10 B of 200 GiB, 1 014 of {MANY} requests used" in text
    assert "Refused files Weights that run code" in text


def test_what_was_moved_before_there_was_a_budget_does_not_count(
    limited: World, client_for: Callable[..., Client]
) -> None:
    grant = active(limited, HUB_MODEL, **of("hub", HUB_MODEL))
    usage.record_usage(run="1" * 32, counted={grant.public_id: usage.Used(500, 14)})
    client = client_for(limited.cast.ada)
    assert "moved in all" not in text_of(client.get("/access"))
    with audited(actor=GATEWAY) as audit:
        audit.record("proxy.transfer.completed", grant=grant.public_id, bytes_out=900)
    text = text_of(client.get("/access"))
    assert f"500 B of 200 GiB, 14 of {MANY} requests used, 900 B moved in all" in text


def test_card_says_nothing_that_does_not_bind_there(limited: World, client_for: Callable[..., Client]) -> None:
    active(limited, TINY)
    text = text_of(client_for(limited.cast.ada).get("/access"))
    assert f"0 of {MANY} requests used" in text
    assert "Refused files" not in text


def commands(client: Client) -> list[str]:
    page = client.get("/access").content.decode()
    found = re.findall(r'(?s)<code class="command__text"[^>]*>(.*?)</code>', page)
    return [html.unescape(re.sub(r"<[^>]+>", "", one)) for one in found]


@pytest.mark.parametrize(("slug", "name"), [("hub", HUB_MODEL), ("store", BUCKET)])
def test_commands_leave_out_what_would_be_refused(
    limited: World, client_for: Callable[..., Client], slug: str, name: str
) -> None:
    active(limited, name, **of(slug, name, frozenset({Operation.PULL, Operation.PUSH})), lasts_s=HOUR)
    _keep, *uses = commands(client_for(limited.cast.ada))
    moving = [one for one in uses if "download" in one or "upload" in one or "cp --recursive" in one]
    assert len(moving) == 2
    assert all("--exclude '*.bin'" in one and "--exclude '*.pkl'" in one for one in moving)


def test_commands_exclude_nothing_without_a_rule(world: World, client_for: Callable[..., Client]) -> None:
    target = Target.objects.create(slug="hub", display_name="h", base_url="http://127.0.0.1:5001", kind=TargetKind.HF)
    Repository.objects.create(target=target, name=HUB_MODEL, tier=Tier.SENSITIVE)
    active(world, HUB_MODEL, **of("hub", HUB_MODEL), lasts_s=HOUR)
    assert "--exclude" not in " ".join(commands(client_for(world.cast.ada)))


def test_words() -> None:
    assert budgets_phrase(0, 1) == "1 request"
    assert budgets_phrase(0, 0) == ""
    assert limit_facts(0, 0, (), "hf") == ()
    assert file_items((), "hf") == ()
    (item,) = file_items(("*.gguf",), "hf")
    assert item.sentence == "Files such as *.gguf are refused under this rule"
    (item,) = file_items(("*.gguf", "code", "pickle"), "s3")
    assert item.sentence == "Files with code, Pickle-based files and *.gguf are refused under this rule"


def test_request_for_certain_files_is_what_was_signed(limited: World) -> None:
    files = {"scope": make_scope([ResourceScope(HUB_MODEL, frozenset({Operation.PULL}), files=("*.safetensors",))])}
    request = ask(limited, HUB_MODEL, **(of("hub", HUB_MODEL) | files))
    answer(request, limited.cast.ben)
    assert Grant.objects.get(request=request).scope[0]["files"] == ["*.safetensors"]
