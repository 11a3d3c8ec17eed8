"""My access, full and empty, and the page of a token."""

from __future__ import annotations

from jit_access.web.viewmodels import my_access, tokens
from jit_access.web.viewmodels.parts import Action, Badge, Command, Confirm, Countdown, Field, Rail, Resource
from tests.web.samples.common import LLAMA, LOGIN, MIXTRAL, TINY, client_tabs, end_confirm


def my_access_page() -> my_access.MyAccessPage:
    return my_access.MyAccessPage(
        lead="Two grants are open. The next one ends in 9 min.",
        notice=None,
        grants=(_soon_card(), _long_card()),
        waiting=_waiting(),
        again=(my_access.AgainItem(MIXTRAL, "Pull, 2 h, last on 20 Nov", "/requests/new?again=req_9"),),
        ended=_ended(),
        usual_wait="6 min",
    )


def _long_card() -> my_access.GrantCard:
    return my_access.GrantCard(
        id="grt_long",
        resources=(LLAMA,),
        badge=Badge("Active", "check", "live"),
        operations="Pull",
        note="44.0 of 160 GiB used",
        countdown=Countdown("2026-11-23T15:08:00Z", "1 h 12 min", "15:08 UTC", False),
        rail=Rail("40%", "48 min of 2 h used, 1 h 12 min left", "live"),
        tabs=client_tabs(),
        steps=(
            my_access.UseStep("Sign in once, with a token of this grant", LOGIN),
            my_access.UseStep(
                "Pull",
                Command(("skopeo", "copy", f"docker://gw.acme.example/{LLAMA.target}/{LLAMA.name}:v3", "oci:llama:v3")),
            ),
        ),
        token_href="/access/grt_long/token",
        tokens_href="/access/grt_long/tokens",
        tokens_count=2,
        foot=("Approved by Ben and Cleo, 13:06", "EVAL-2231"),
        rule="",
        extend=Action("Extend", "/requests/new?extends=grt_long"),
        end=end_confirm("grt_long", LLAMA),
        end_href="/access/grt_long/end",
    )


def _soon_card() -> my_access.GrantCard:
    return my_access.GrantCard(
        id="grt_soon",
        resources=(Resource("demo-registry", "tools/base-image"),),
        badge=Badge("Ends soon", "clock", "wait"),
        operations="Pull and push",
        note="2.10 MiB used",
        countdown=Countdown("2026-11-23T14:05:00Z", "9 min 10 s", "14:05 UTC", True),
        rail=Rail("85%", "51 min of 1 h used, 9 min left", "soon"),
        tabs=client_tabs(),
        steps=(
            my_access.UseStep("Sign in once, with a token of this grant", LOGIN),
            my_access.UseStep(
                "Pull",
                Command(("skopeo", "copy", "docker://gw.acme.example/demo-registry/tools/base-image:v1", "oci:base")),
            ),
        ),
        token_href="/access/grt_soon/token",
        tokens_href="/access/grt_soon/tokens",
        tokens_count=2,
        foot=(),
        rule="tools-open",
        extend=Action("Extend", "/requests/new?extends=grt_soon"),
        end=end_confirm("grt_soon", Resource("demo-registry", "tools/base-image")),
        end_href="/access/grt_soon/end",
    )


def _waiting() -> tuple[my_access.WaitingItem, ...]:
    return (
        my_access.WaitingItem(
            Resource("mlflow-prod", "models/reranker-v4"),
            "/requests/req_1",
            Badge("1 of 2 approved", "clock", "wait"),
            "2 min ago",
            "Cleo or Mara still has to answer.",
            "Answer by 15:30 UTC",
        ),
        my_access.WaitingItem(
            Resource("hf-mirror", "meta/llama-3.1-70b"),
            "/requests/req_2",
            Badge("Approved, not started", "play"),
            "",
            "Your 4 h start when you do.",
            "or before 18:00 UTC",
            Action("Start now", "/access/grt_3/start"),
        ),
    )


def _ended() -> tuple[my_access.EndedRow, ...]:
    return (
        my_access.EndedRow(
            LLAMA,
            Badge("Revoked", "cut", "stop"),
            "by Cleo: “rotating the weights”",
            "Delete the partial copy, then ask again",
            "/requests/new",
            "18.6 GiB",
            "22 Nov 16:41",
            "2026-11-22T16:41:00Z",
        ),
        my_access.EndedRow(
            TINY,
            Badge("Denied", "x", "stop"),
            "by Ben: “use the replay data”",
            "Ask for something else",
            "/requests/new",
            "–",
            "21 Nov 09:12",
            "2026-11-21T09:12:00Z",
        ),
        my_access.EndedRow(
            MIXTRAL,
            Badge("Time ran out", "check"),
            "",
            "Nothing",
            "",
            "262 GiB",
            "20 Nov 17:30",
            "2026-11-20T17:30Z",
        ),
    )


def empty_my_access_page() -> my_access.MyAccessPage:
    return my_access.MyAccessPage("Nothing is open.", None, (), (), (), (), "6 min")


def token_page() -> my_access.TokenPage:
    card = my_access_page().grants[1]
    return my_access.TokenPage(
        LLAMA,
        "jita_grant_4f8Kq2m4vtZx81Lp_0aB3cD4eF5gH6iJ7kL8mN9oP0qR1sT2uV3wX4yZ5aB6cDx4Tz9Qe",
        "with it, at 15:08 UTC",
        card.tabs,
        card.steps,
    )


def tokens_page() -> tokens.TokensPage:
    return tokens.TokensPage(
        lead="Two work now. All end with the grant, 15:08 UTC.",
        resource=LLAMA,
        rows=(
            tokens.TokenRow(
                "jita_grant_4f8Kq2m4vtZx81Lp",
                "training node",
                Badge("Works", "check", "live"),
                "",
                "4 min ago",
                "192.0.2.7",
                "1 h ago",
                "15:08 UTC",
                _token_confirm("rotate-lse_1", "Rotate it"),
                _token_confirm("revoke-lse_1", "Revoke it"),
            ),
            tokens.TokenRow(
                "jita_grant_9aLq2m4vtZx81L2c",
                "",
                Badge("Replaced", "clock", "wait"),
                "works on until its end",
                "Never",
                "",
                "2 h ago",
                "14:05 UTC",
                None,
                _token_confirm("revoke-lse_2", "Revoke it"),
            ),
            tokens.TokenRow(
                "jita_grant_0bLq2m4vtZx81L3d",
                "laptop",
                Badge("Revoked", "x", "stop"),
                "",
                "Never",
                "",
                "2 h ago",
                "13:20 UTC",
            ),
        ),
        make_href="/access/grt_long/token",
        make_note="",
        label=Field("label", "What is it for?", hint="You find it again by this name.", is_required=False),
        back=Action("My access", "/access", "back"),
    )


def _token_confirm(key: str, verb: str) -> Confirm:
    return Confirm(
        key, f"{verb}?", "The old one works on for 10 min.", verb, "Keep it", f"/access/grt_long/{key}", "/access"
    )
