"""Only certain tags or digests: typed in the form, sent as a scope, shown to everybody who decides or uses it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_requests.models import AccessRequest
from jit_access.domain.errors import CallerError
from jit_access.domain.narrowing import limit_without_meaning, narrowing_of
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import MAX_REFERENCES, ResourceScope, parse_scope
from jit_access.grants.models import Grant
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.web.references import parse_hub_references, parse_references, read_references, references_text
from tests.support.lifecycles import PULL, TINY, World, active, answer, scope_of, start
from tests.web.pages_of import heading_of, text_of
from tests.web.test_requests import form

pytestmark = pytest.mark.django_db(transaction=True)
DIGEST = "sha256:" + "ab" * 32


def test_a_hub_has_revisions_and_files() -> None:
    only = parse_hub_references(" main, refs/pr/1\nfile:*.safetensors file:weights/ main")
    assert (only.tags, only.digests, only.files) == (("main", "refs/pr/1"), (), ("*.safetensors", "weights/"))
    part = ResourceScope("models/Org/Name", PULL, only.tags, files=only.files)
    assert parse_hub_references(references_text(part)) == only


@pytest.mark.parametrize("word", [DIGEST, "a..b", "/a", "file:", "file:/etc", "file:[a]", "r" * 129, "a" * 7000])
def test_what_no_hub_has_is_named(word: str) -> None:
    assert parse_hub_references("main file:a").tags == ("main",)
    with pytest.raises(CallerError) as caught:
        parse_hub_references(word)
    assert caught.value.reason is Reason.INVALID_INPUT


def test_a_tracking_server_has_versions_aliases_and_files() -> None:
    only = read_references(" champion, 3\nProduction file:*.safetensors 3", "mlflow", "models/Tiny")
    assert (only.tags, only.digests, only.files) == (("3", "Production", "champion"), (), ("*.safetensors",))
    part = ResourceScope("models/Tiny", PULL, only.tags, files=only.files)
    assert read_references(references_text(part), "mlflow", "models/Tiny") == only
    for word in (DIGEST, "a/b", "@champion", "file:/etc", "a" * 7000):
        with pytest.raises(CallerError) as caught:
            read_references(f"champion {word}", "mlflow", "models/Tiny")
        assert caught.value.reason is Reason.INVALID_INPUT


@pytest.mark.parametrize(
    ("kind", "repository", "limits"),
    [
        ("oci", "llm/tiny", {"tags", "digests"}), ("hf", "models/Org/Tiny", {"tags", "files"}),
        ("mlflow", "models/Tiny", {"tags", "files"}), ("mlflow", "experiments/0", set()), ("s3", "weights/tiny", set()),
        ("unheard-of", "x", set()),
    ],
)  # fmt: skip
def test_a_limit_is_taken_only_where_a_protocol_keeps_it(kind: str, repository: str, limits: set[str]) -> None:
    assert narrowing_of(kind, repository) == limits
    every = {"tags": ("v1",), "digests": (DIGEST,), "files": ("a",)}
    for name, values in every.items():
        part = ResourceScope(repository, PULL, **{name: values})
        assert limit_without_meaning(kind, part) == ("" if name in limits else name)
    assert limit_without_meaning(kind, ResourceScope(repository, PULL)) == ""


def test_what_has_no_parts_is_asked_for_as_a_whole(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    store = Target.objects.create(slug="ours", display_name="Ours", base_url="https://s.example", kind=TargetKind.S3)
    server = Target.objects.create(slug="mlf", display_name="M", base_url="https://m.example", kind=TargetKind.MLFLOW)
    for target, name, is_open in (
        (store, "weights/tiny", False), (server, "experiments/0", False), (server, "models/tiny", True),
    ):  # fmt: skip
        row = Repository.objects.create(target=target, name=name, tier=Tier.STANDARD)
        page = ada.get(f"/requests/new?resource={row.public_id}")
        assert ('name="references"' in page.content.decode()) is is_open
        sent = ada.post("/requests/new", form(world) | {"resource": row.public_id, "references": "v1"})
        assert sent.status_code == (302 if is_open else 422)
        if not is_open:
            assert f"{name} is asked for as a whole. Leave this empty." in text_of(sent)
            assert ">v1</textarea>" in sent.content.decode()
    request = AccessRequest.objects.get()
    page = text_of(ada.get(f"/requests/{request.public_id}"))
    assert "You asked to pull one version of a standard repository for 1 hour" in page
    assert "Only versions v1" in page


def test_words_become_tags_and_digests() -> None:
    only = parse_references(f" v2, v1.*\n{DIGEST}\n v2 ")
    assert (only.tags, only.digests) == (("v1.*", "v2"), (DIGEST,))
    assert parse_references(" \n").tags == ()
    assert references_text(ResourceScope(TINY, PULL, only.tags, only.digests)) == f"v1.*\nv2\n{DIGEST}"


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("v1/x", Reason.INVALID_INPUT, "“v1/x” cannot be a tag."),
        ("-v1", Reason.INVALID_INPUT, "“-v1” cannot be a tag."),
        ("sha256:abc", Reason.DIGEST_INVALID, "“sha256:abc” is not a whole digest"),
        (DIGEST.upper(), Reason.DIGEST_INVALID, "is not a whole digest"),
        ("md5:" + "ab" * 16, Reason.DIGEST_INVALID, "is not a whole digest"),
        (" ".join(f"v{n}" for n in range(MAX_REFERENCES + 1)), Reason.INVALID_INPUT, "Name at most 32"),
        ("v" * 7000, Reason.INVALID_INPUT, "Name at most 32"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, reason: Reason, words: str) -> None:
    with pytest.raises(CallerError, match=re.escape(words)) as caught:
        parse_references(text)
    assert caught.value.reason is reason


def test_limits_are_sent_signed_and_shown_until_the_end(world: World, client_for: Callable[..., Client]) -> None:
    ada, ben = client_for(world.cast.ada), client_for(world.cast.ben)
    sent = ada.post("/requests/new", form(world, references=f"v1\r\n{DIGEST}"))
    assert sent.status_code == 302
    request = AccessRequest.objects.get()
    part = parse_scope(request.scope).resources[0]
    assert (part.tags, part.digests) == (("v1",), (DIGEST,))
    assert request.payload["resources"][0]["tags"] == ["v1"]
    decision = ben.get(f"/approvals/{request.public_id}")
    assert heading_of(decision) == "Ada Okafor asks to pull certain tags of a sensitive repository for 1 hour"
    for page in (decision, ada.get(f"/requests/{request.public_id}")):
        assert f"Only tags v1 Only digests {DIGEST}" in text_of(page)
    assert "only: no push, no delete, no other repository, no other tag." in text_of(decision)
    answer(request, world.cast.ben)
    start(Grant.objects.get())
    card = text_of(ada.get("/access"))
    assert f"Only tags v1 Only digests {DIGEST}" in card
    assert f"{TINY}:v1 oci:tiny-llama" in card


def test_without_limits_nothing_is_said_of_them(world: World, client_for: Callable[..., Client]) -> None:
    ada, ben = client_for(world.cast.ada), client_for(world.cast.ben)
    ada.post("/requests/new", form(world))
    request = AccessRequest.objects.get()
    text = text_of(ben.get(f"/approvals/{request.public_id}"))
    assert "Only tags" not in text
    assert "no other tag" not in text
    assert "Every tag" in text


def test_a_limit_that_cannot_be_read_stays_typed_and_nothing_is_sent(
    world: World, client_for: Callable[..., Client]
) -> None:
    ada = client_for(world.cast.ada)
    refused = ada.post("/requests/new", form(world, references="v1 sha256:abc"))
    assert refused.status_code == 422
    body = refused.content.decode()
    assert 'href="#f-references"' in body
    assert '<details class="disclosure" id="q-references" open>' in body
    assert "v1 sha256:abc</textarea>" in body
    assert "“sha256:abc” is not a whole digest" in text_of(refused)
    assert not AccessRequest.objects.exists()
    assert ada.post("/requests/new", form(world, references="v1")).status_code == 302


def test_before_sending_an_unreadable_limit_offers_no_button(world: World, client_for: Callable[..., Client]) -> None:
    ada, sent = client_for(world.cast.ada), form(world, references="v1/x")
    del sent["send"]
    text = text_of(ada.post("/requests/preview", sent))
    assert "These limits cannot be used yet." in text
    assert "Send request" not in text
    assert "Send request" in text_of(ada.post("/requests/preview", sent | {"references": "v1"}))


def test_asking_again_and_extending_keep_the_limits(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, scope=scope_of(TINY, tags=("v1", "v2")))
    ada = client_for(world.cast.ada)
    again = ada.get(f"/requests/new?again={grant.request.public_id}").content.decode()
    assert "v1\nv2</textarea>" in again
    longer = ada.get(f"/requests/new?extends={grant.public_id}")
    assert "Only tags v1, v2" in text_of(longer)
    assert "</details>" not in longer.content.decode().split('id="f-operations"')[0]


def test_with_some_tags_open_one_may_ask_for_the_rest(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    active(world, scope=scope_of(TINY, tags=("v1",)))
    assert "You have this already" not in text_of(ada.get("/requests/new"))
    active(world, TINY)
    assert "You have this already" in text_of(ada.get("/requests/new"))
