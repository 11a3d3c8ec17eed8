"""Each page of ours once, with something on it, and who looks at it with which proof."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.test import Client

from jit_access.access_requests.models import BreakGlassReview
from jit_access.access_reviews.models import ReviewItem
from jit_access.accounts.models import User
from jit_access.accounts.services import issue_api_token, offer_agent
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.oauth.models import AccessToken
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust
from tests.support.cast import make_person
from tests.support.envelopes import in_force, proposed
from tests.support.lifecycles import BASE, FRONTIER, TINY, World, active, answer, ask, scheduled, scope_of, start
from tests.support.locking import WHY
from tests.support.oauth_client import CommandLine
from tests.support.sessions import code_now
from tests.support.workloads.issuer import UID

ClientFor = Callable[..., Client]
# Pages that need a part which is not here (a provider, a passkey, a setting), or that are no pages of their own.
ELSEWHERE = frozenset(
    {
        "home", "oauth-device",
        "sign-on", "sign-on-answer", "sign-on-logout", "sign-out", "recover", "passkey-options", "reset-code",
        "reset-withdraw", "grant-token", "request-link", "request-preview", "request-comment", "approve",
        "activity-export", "review-evidence", "proposal-sign", "away-end", "settings-look", "settings-codes",
        "envelope-sign",
        "passkey-new", "passkey-new-options", "passkey", "passkey-remove", "identity-link", "identity-unlink",
        "settings-slack", "settings-slack-code", "settings-slack-confirm", "settings-slack-unlink",
        "messages-new", "target-check", "target-discover", "repository-tier", "agent-accept", "agent-decline",
        "identity-sample", "agent-webhook-test",
    }
)  # fmt: skip
AGENT_PAGES = ("/change", "/suspend", "/resume", "/retire", "/offer", "/offer/withdraw", "/tokens/new")


@dataclass(frozen=True)
class Stop:
    """One page, and who looks at it with which proof."""

    path: str
    person: User | None
    factor: str = "fresh"


def stops(world: World, client_for: ClientFor) -> list[Stop]:
    """Every kind of page."""
    cast = world.cast
    return [
        *_asking(world),
        *_watching(world, client_for),
        *_running(world, client_for),
        *_enveloped(world),
        *_oneself(world, client_for),
        *_workloads(world, client_for),
        Stop("/second-factor", cast.ada, "stale"),
        Stop("/second-factor/set-up", cast.cleo, "none"),
        Stop("/sign-in", None),
    ]


def _asking(world: World) -> list[Stop]:
    cast = world.cast
    grant, plan = active(world, TINY), scheduled(world, BASE)
    lease = grants.issue_token(actor=cast.ada, grant=grant, label="laptop").lease
    narrow = ask(world, scope=scope_of(TINY, tags=("v1", "v2.*")))
    request, half = ask(world, TINY, ticket="EVAL-2231"), ask(world, FRONTIER)
    answer(half, cast.ben)
    denied = answer(ask(world, BASE, TINY), cast.ben, is_approval=False, note="Not now.")
    record = AuditEntry.objects.filter(kind="grant.activated").latest("seq").record_id
    ada = (
        "/access",
        f"/access/{grant.public_id}/end",
        f"/access/{plan.public_id}/start",
        f"/access/{grant.public_id}/tokens",
        f"/access/{grant.public_id}/tokens/{lease.public_id}/rotate",
        f"/access/{grant.public_id}/tokens/{lease.public_id}/revoke",
        "/requests/new",
        f"/requests/new?again={half.public_id}",
        f"/requests/new?again={narrow.public_id}",
        f"/requests/{half.public_id}",
        f"/requests/{half.public_id}/withdraw",
        f"/requests/{denied.public_id}",
        f"/break-glass/new?request={request.public_id}",
        f"/policy/why?resource=demo-registry/{TINY}&operation=pull&lasts_s=28800",
        "/nothing",
    )
    ben = (
        "/approvals",
        f"/approvals/{request.public_id}",
        f"/approvals/{request.public_id}?lasts_s=1800",
        f"/approvals/{request.public_id}/deny",
        f"/approvals/{narrow.public_id}",
    )
    dora = (
        "/activity?q=ada",
        f"/activity?grant={grant.public_id}",
        f"/activity/{record}",
        f"/access/{grant.public_id}/revoke",
        f"/locks/new?axis=grant&name={grant.public_id}",
    )
    return [
        *(Stop(path, cast.ada) for path in ada),
        *(Stop(path, cast.ben) for path in ben),
        *(Stop(path, cast.dora) for path in dora),
        Stop(f"/approvals/{request.public_id}", cast.ben, "stale"),
    ]


def _watching(world: World, client_for: ClientFor) -> list[Stop]:
    cast = world.cast
    ada, dora = client_for(cast.ada), client_for(cast.dora)
    lock = dora.post(f"/locks/new?axis=resource&name=demo-registry/{FRONTIER}", {"reason": WHY, "lasts": "3600"})
    assert lock.status_code == 302, lock.content.decode()
    waiting = ask(world, scope=scope_of(TINY, tags=("v9",)))
    typed = {"request": waiting.public_id, "purpose": "Production serves wrong answers", "typed": TINY}
    ada.post("/break-glass/new", typed | {"code": code_now()})
    campaign = dora.post(
        "/reviews/new",
        {"title": "Models", "groups": ["research"], "reviewers": "model-owners", "days": "14", "undecided": "propose"},
    )["Location"]
    item = ReviewItem.objects.get(subject=cast.ada)
    return [
        Stop("/locks", cast.dora),
        Stop(lock["Location"], cast.dora),
        Stop(f"{lock['Location']}/lift", cast.dora),
        Stop("/break-glass", cast.dora),
        Stop(f"/break-glass/{BreakGlassReview.objects.get().public_id}", cast.dora),
        Stop("/reviews", cast.dora),
        Stop("/reviews/new", cast.dora),
        Stop(campaign, cast.dora),
        Stop(f"/reviews/items/{item.public_id}", cast.ben),
    ]


def _enveloped(world: World) -> list[Stop]:
    cast, bot = world.cast, world.cast.ci_bot
    held, waits = in_force(world), proposed(world, name="weekly", because="The weekly report reads it")
    start(Grant.objects.get(request=ask(world, TINY, actor=bot)))
    here, waiting = f"/envelopes/{held.public_id}", f"/envelopes/{waits.public_id}"
    ada = ("/envelopes", "/envelopes/new", here, waiting, f"{here}/suspend", f"{here}/revoke")
    return [
        *(Stop(path, cast.ada) for path in ada),
        Stop("/envelopes", cast.ben),
        Stop(waiting, cast.ben),
        Stop(waiting, cast.ben, "stale"),
        Stop(here, cast.dora),
    ]


def _running(world: World, client_for: ClientFor) -> list[Stop]:
    cast, dora = world.cast, client_for(world.cast.dora)
    here = f"/targets/{world.target.public_id}"
    form = dora.get("/policy/proposals/new").content.decode()
    names = re.findall(
        r'<textarea class="input rules-input"[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL
    )
    rules = {name: html.unescape(text).lstrip("\n") for name, text in names}
    rules["rules:people.cedar"] = rules["rules:people.cedar"].replace('@lasts_at_most("4h")', '@lasts_at_most("3h")')
    proposal = dora.post("/policy/proposals/new", rules | {"because": "Shorter"})["Location"]
    ben = (
        "/targets",
        here,
        "/targets/new",
        f"{here}/credential",
        f"{here}/places",
        f"{here}/repositories/new",
        f"{here}/owners",
        f"{here}/routes",
        f"{here}/remove",
    )
    return [
        *(Stop(path, cast.ben) for path in ben),
        Stop("/policy", cast.cleo),
        Stop("/policy/why", cast.dora),
        Stop("/policy/proposals/new", cast.dora),
        Stop(proposal, cast.dora),
        Stop(f"{proposal}/withdraw", cast.dora),
    ]


def _workloads(world: World, client_for: ClientFor) -> list[Stop]:
    """One workload that counts and one that waits, both of a cluster that nobody asks here."""
    cast = world.cast
    issuer = TrustedIssuer.objects.create(
        name="Training cluster",
        kind="kubernetes-jwks",
        issuer="https://kubernetes.default.svc.cluster.local",
        audience="http://localhost:8000",
        jwks_uri="https://203.0.113.10:6443/openid/v1/jwks",
        algorithms=["RS256"],
        added_by=cast.ben,
    )
    here = f"/agents/{cast.ci_bot.public_id}/identities"
    typed = {
        "issuer": issuer.public_id,
        "claim-namespace": "train",
        "claim-service_account": "eval",
        "claim-service_account_uid": UID,
        "scope": "act",
        "minutes": "15",
        "days": "30",
    }
    ada, ben = client_for(cast.ada), client_for(cast.ben)
    for name, account in (("Nightly evaluation", "eval"), ("Fine-tuning", "tune")):
        made = ada.post(f"{here}/new", typed | {"name": name, "claim-service_account": account})
        assert made.status_code == 302, made.content.decode()
    first, second = WorkloadTrust.objects.order_by("pk")
    assert ben.post(f"{here}/{first.public_id}/confirm").status_code == 302
    return [
        Stop(here, cast.ada),
        Stop(f"{here}/new", cast.ada),
        Stop(f"{here}/new?issuer={issuer.public_id}", cast.ada),
        Stop(f"{here}/{first.public_id}/revoke", cast.ada),
        Stop(f"{here}/{second.public_id}/confirm", cast.ben),
        Stop("/issuers", cast.ben),
        Stop("/issuers/new", cast.ben),
        Stop("/issuers/new?kind=kubernetes-tokenreview", cast.ben),
        Stop(f"/issuers/{issuer.public_id}/retire", cast.ben),
    ]


def _oneself(world: World, client_for: ClientFor) -> list[Stop]:
    cast = world.cast
    token = issue_api_token(actor=GATEWAY, user=cast.ada, name="notebook", lasts=timedelta(days=7)).token.public_id
    issue_api_token(actor=GATEWAY, user=cast.ci_bot, name="nightly", lasts=timedelta(days=7))
    webhook = f"/agents/{cast.ci_bot.public_id}/webhook"
    told = client_for(cast.ada).post(webhook, {"url": "https://ci.example.com/news"})
    assert told.status_code == 200, told.content.decode()
    CommandLine(client_for(cast.ada)).sign_in()
    command_line = AccessToken.objects.get().public_id
    client_for(cast.ada)  # a second session, which the first one may end
    shown = client_for(cast.ada).get("/settings").content.decode()
    found = set(re.findall(r'href="(/settings/(?:sessions|devices)/\w+(?:/\w+)?)"', shown))
    device = next(path for path in found if "/devices/" in path)
    reset = client_for(cast.dora).post("/resets", {"username": "cleo", "reason": "Lost the phone in the river today"})
    ada = (
        "/settings",
        "/messages",
        "/settings/away",
        "/settings/away/stand-in",
        "/settings/away/absence",
        "/settings/sessions/end",
        *sorted(found),
        f"{device}/remove",
        "/settings/tokens/new",
        f"/settings/tokens/{token}/revoke",
        "/settings/password",
        "/agents",
        "/agents/new",
        *(f"/agents/{cast.ci_bot.public_id}{more}" for more in ("", *AGENT_PAGES)),
        *(f"{webhook}{more}" for more in ("", "/rotate", "/remove")),
        f"/settings/command-lines/{command_line}/end",
        f"/oauth/authorize?{urlencode(CommandLine().question())}",
        f"/oauth/authorize?{urlencode(CommandLine().question(acr_values='phishing-resistant'))}",
    )
    second = make_person("mia", "security")
    offer_agent(actor=cast.ada, agent=cast.ci_bot, to=cast.ben, note="You run the nightly jobs now.")
    return [
        *(Stop(path, cast.ada) for path in ada),
        Stop("/agents", cast.dora),
        Stop(f"/agents/{cast.ci_bot.public_id}", cast.ben),
        Stop("/resets", cast.dora),
        Stop(reset["Location"], second),
    ]
