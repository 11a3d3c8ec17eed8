"""Security settings, and targets."""

from __future__ import annotations

from jit_access.web.viewmodels import security, targets
from jit_access.web.viewmodels.parts import TIER_BADGES, Action, Badge, Fact, Field, Notice, Option, Person, Resource
from tests.web.samples.common import TINY


def security_page() -> security.SecurityPage:
    return security.SecurityPage(
        person=Person("Ada Okafor", "AO", "Data scientist"),
        username="ada",
        roles="Research",
        notice=None,
        factors=(
            security.SettingRow(
                "Authenticator app",
                "Set up 2 Nov. Last proof 4 min ago, good until 14:07 UTC.",
                Badge("On", "check", "live"),
                confirm_href="/settings/factor",
                confirm_label="Replace",
            ),
            security.SettingRow(
                "Recovery codes",
                "8 of 10 left. One was used on 14 Nov.",
                None,
                confirm_href="/settings/recovery-codes",
                confirm_label="Make new ones",
            ),
        ),
        password=security.SettingRow(
            "Password", "Changing it ends every other session.", action=Action("Change", "/settings/password")
        ),
        agents=(
            security.SettingRow(
                "ci-bot",
                "1 API token.",
                Badge("Works", "check", "live"),
                action=Action("Tokens", "/agents/usr_1"),
            ),
        ),
        tokens=(
            security.SettingRow(
                "laptop", "Used 3 h ago, ends 22 Dec 09:00 UTC.", confirm_href="/x", confirm_label="Revoke"
            ),
        ),
        token_form_href="/settings/tokens/new",
        passkey_form_href="/settings/passkeys/new",
        sessions=(
            security.SettingRow(
                "This browser",
                "Signed in 13:40 UTC. Signed out after 30 min of silence, at 01:40 UTC at the latest.",
                Badge("Here", "check"),
            ),
            security.SettingRow(
                "Everywhere else",
                "Ends every other session at once.",
                confirm_href="/settings/sessions/end",
                confirm_label="Sign out",
            ),
        ),
        identities=(),
        devices=(
            security.SettingRow("Work laptop", "Used just now. First seen 2 Nov.", Badge("This device", "check")),
        ),
        themes=(Option("auto", "Like the system", True), Option("light", "Light"), Option("dark", "Dark")),
        has_shortcuts=True,
    )


def password_form() -> security.PasswordForm:
    return security.PasswordForm(
        (Field("current", "Current password", kind="password", autocomplete="current-password"),), None
    )


def passkey_form() -> security.PasskeyForm:
    name = Field("name", "Name", "Laptop")
    return security.PasskeyForm(
        "Add a passkey", "It only ever answers this site.", name, "Make the passkey", "/x", "/y"
    )


def token_form() -> security.TokenForm:
    return security.TokenForm(
        Field("name", "What is it for?"),
        (Option("7", "7 days", True),),
        "New API token",
        "For scripts.",
        "/x",
        "/settings",
    )


def api_token_page() -> security.ApiTokenPage:
    return security.ApiTokenPage(
        "Your API token laptop",
        "jita_api_4f8K",
        "Only its hash is kept.",
        Action("Back to settings", "/settings", "back"),
    )


def targets_page() -> targets.TargetsPage:
    return targets.TargetsPage(
        "One of two targets answers.",
        (
            targets.TargetRow(
                "/targets/tgt_1",
                "Demo registry",
                "demo-registry",
                Badge("Reachable", "check", "live"),
                "2 min ago",
                "3",
                "2",
            ),
            targets.TargetRow(
                "/targets/tgt_2",
                "Production weights",
                "prod-registry",
                Badge("Does not answer", "alert", "stop"),
                "40 s ago",
                "211",
                "0",
            ),
        ),
    )


def target_page() -> targets.TargetPage:
    tiers = (Option("standard", "Standard"), Option("sensitive", "Sensitive", True), Option("critical", "Critical"))
    return targets.TargetPage(
        "Demo registry",
        "demo-registry",
        Badge("Reachable", "check", "live"),
        "Checked 2 min ago. It took the gateway’s credential.",
        None,
        (
            Fact("Address", "http://127.0.0.1:5000", is_mono=True),
            Fact("Credential", "gateway, sealed", "known only to the gateway"),
            Fact("Open grants", "2"),
        ),
        (
            targets.RepositoryRow(
                TINY, "Demo model", tiers, "/repositories/rpo_1/tier", "64.0 MiB", "1", False, TIER_BADGES["sensitive"]
            ),
            targets.RepositoryRow(
                Resource("demo-registry", "tools/base-image"),
                "",
                tiers,
                "/repositories/rpo_2/tier",
                "2.10 MiB",
                "1",
                False,
                TIER_BADGES["standard"],
            ),
        ),
        True,
        "/targets/tgt_1/check",
        "/targets/tgt_1/discover",
    )


def target_form() -> targets.TargetForm:
    return targets.TargetForm(
        (
            Field("display_name", "Name people read", "", placeholder="Production weights"),
            Field("slug", "Short name", "", hint="First part of every path: gateway/short-name/repository."),
            Field("base_url", "Address", "", "url", placeholder="https://registry.example"),
            Field("username", "User name of the gateway there", "", is_required=False, optional_note="empty for none"),
            Field(
                "password",
                "Password or token",
                "",
                "password",
                hint="Sealed at once. It is never shown again.",
                is_required=False,
            ),
            Field(
                "allow_private", "Its address may be private", "", "checkbox", hint="for a registry inside this network"
            ),
        ),
        None,
        Notice(
            "prod-registry does not answer.",
            "The connection was refused. Nothing was kept.",
            "wait",
            "alert",
            code="upstream-away",
        ),
        Action("Back", "/targets"),
    )
