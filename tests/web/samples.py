"""One filled example of every page, for template tests and for pictures. Words and numbers as in the UI guide."""

from __future__ import annotations

import segno

from jit_access.web.viewmodels import (
    activity,
    approvals,
    gate,
    my_access,
    request_form,
    request_state,
    security,
    shell,
    targets,
)
from jit_access.web.viewmodels.parts import (
    TIER_BADGES,
    Action,
    Badge,
    Command,
    Confirm,
    Countdown,
    Fact,
    Field,
    Hidden,
    Notice,
    Option,
    Person,
    Rail,
    ReasonItem,
    Resource,
)

NOW_ISO = "2026-11-23T13:55:50.000000Z"
LLAMA = Resource("prod-registry", "llm/llama-70b-ft")
TINY = Resource("demo-registry", "llm/tiny-llama")
MIXTRAL = Resource("prod-registry", "llm/mixtral-8x22b-sft")
ADA = Person("Ada Okafor", "AO", "Research")
WAITING = Badge("Waiting", "clock", "wait")


def make_shell(current: str = "My access", *, name: str = "Ada Okafor", count: int = 0) -> shell.Shell:
    def link(label: str, href: str, icon: str, key: str = "", count: int = 0) -> shell.NavLink:
        return shell.NavLink(label, href, icon, key, label == current, count)

    groups = [
        shell.NavGroup(
            "Work",
            (link("My access", "/access", "grid", "a"), link("Request access", "/requests/new", "plus", "r")),
        )
    ]
    if count:
        groups.append(shell.NavGroup("Decide", (link("Approvals", "/approvals", "inbox", "p", count),)))
    groups.append(shell.NavGroup("Watch", (link("Activity", "/activity", "list", "y"),)))
    if count:
        groups.append(shell.NavGroup("Run", (link("Targets", "/targets", "target", "t"),)))
    initials = "".join(word[0] for word in name.split())
    return shell.Shell(
        tuple(groups),
        Person(name, initials),
        shell.Assurance("Second factor fresh. Authenticator app, 13:52 UTC, good until 14:07.", is_fresh=True),
    )


def _tabs() -> tuple[my_access.ClientTab, ...]:
    return (
        my_access.ClientTab("skopeo", "?client=skopeo", True),
        my_access.ClientTab("oras", "?client=oras", False),
        my_access.ClientTab("docker", "?client=docker", False),
    )


LOGIN = Command(("skopeo", "login", "--username", "ada", "--password-stdin", "gw.acme.example"))


def _end(grant_id: str, resource: Resource) -> Confirm:
    return Confirm(
        id=f"end-{grant_id}",
        title=f"End your pull on {resource.name}?",
        effect="What is running stops at once. To go on you would have to ask again.",
        verb="End my pull",
        keep="Keep it",
        post_href=f"/access/{grant_id}/end",
        back_href="/access",
    )


def my_access_page() -> my_access.MyAccessPage:
    long_card = my_access.GrantCard(
        id="grt_long",
        resources=(LLAMA,),
        badge=Badge("Active", "check", "live"),
        operations="Pull",
        note="44.0 of 160 GiB used",
        countdown=Countdown("2026-11-23T15:08:00Z", "1 h 12 min", "15:08 UTC", False),
        rail=Rail("40%", "48 min of 2 h used, 1 h 12 min left", "live"),
        tabs=_tabs(),
        steps=(
            my_access.UseStep("Sign in once, with a token of this grant", LOGIN),
            my_access.UseStep(
                "Pull",
                Command(("skopeo", "copy", f"docker://gw.acme.example/{LLAMA.target}/{LLAMA.name}:v3", "oci:llama:v3")),
            ),
        ),
        token_note="",
        token_href="/access/grt_long/token",
        foot=("Approved by Ben and Cleo, 13:06", "EVAL-2231"),
        rule="",
        extend=Action("Extend", "/requests/new?extends=grt_long"),
        end=_end("grt_long", LLAMA),
        end_href="/access/grt_long/end",
    )
    soon_card = my_access.GrantCard(
        id="grt_soon",
        resources=(Resource("demo-registry", "tools/base-image"),),
        badge=Badge("Ends soon", "clock", "wait"),
        operations="Pull and push",
        note="2.10 MiB used",
        countdown=Countdown("2026-11-23T14:05:00Z", "9 min 10 s", "14:05 UTC", True),
        rail=Rail("85%", "51 min of 1 h used, 9 min left", "soon"),
        tabs=_tabs(),
        steps=(
            my_access.UseStep("Sign in once, with a token of this grant", LOGIN),
            my_access.UseStep(
                "Pull",
                Command(("skopeo", "copy", "docker://gw.acme.example/demo-registry/tools/base-image:v1", "oci:base")),
            ),
        ),
        token_note="",
        token_href="/access/grt_soon/token",
        foot=(),
        rule="tools-open",
        extend=Action("Extend", "/requests/new?extends=grt_soon"),
        end=_end("grt_soon", Resource("demo-registry", "tools/base-image")),
        end_href="/access/grt_soon/end",
    )
    return my_access.MyAccessPage(
        lead="Two grants are open. The next one ends in 9 min.",
        notice=None,
        grants=(soon_card, long_card),
        waiting=(
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
        ),
        again=(my_access.AgainItem(MIXTRAL, "Pull, 2 h, last on 20 Nov", "/requests/new?again=req_9"),),
        ended=(
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
        ),
        usual_wait="6 min",
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


def request_form_page(*, chosen: bool = True) -> request_form.RequestForm:
    preview = request_form.Preview(
        steps=(
            ReasonItem("Your second factor is fresh", "Authenticator app, 4 min ago", "ok", "shield"),
            ReasonItem(
                "Two people decide: one of Model owners, then one of Security",
                "Answer by 24 Nov 13:55 UTC",
                "",
                "inbox",
            ),
            ReasonItem("You start it when you are ready", "Within 24 h of the approval", "", "play"),
            ReasonItem(
                "It ends by itself after 2 h",
                "Or earlier, when somebody revokes it. What is running is cut",
                "",
                "clock",
            ),
        ),
        is_open=True,
        decided_by="Decided by weights-critical, policy version 3. Approvers see your reason and your past use.",
    )
    return request_form.RequestForm(
        query="",
        choices=(
            request_form.Choice("rpo_1", LLAMA, "Fine-tuned weights, 131 GiB", TIER_BADGES["critical"], chosen),
            request_form.Choice("rpo_2", TINY, "Demo model, 64.0 MiB", TIER_BADGES["sensitive"]),
            request_form.Choice(
                "rpo_3",
                MIXTRAL,
                "You have this already, until 18:00 UTC",
                Badge("Granted", "check", "live"),
                False,
                True,
            ),
        ),
        count_text="3 of 214 repositories you may see.",
        operations=(
            Option("pull", "Pull", True),
            Option("pull,push", "Pull and push"),
            Option("delete", "Delete", is_disabled=True),
        ),
        operations_note="Delete is not open to you. Rule weights-critical.",
        durations=(
            Option("1800", "30 min"),
            Option("3600", "1 h"),
            Option("7200", "2 h", True),
            Option("14400", "4 h"),
            Option("28800", "8 h", is_disabled=True),
        ),
        durations_note="The clock starts when you start, not when you ask. 4 h is the longest here.",
        purpose=Field(
            "purpose",
            "Reason, as the approver will read it",
            "MMLU regression after the 20 Nov merge. I need the full weights to bisect the last two checkpoints.",
            "textarea",
            "Say which run or incident, and why the smaller thing is not enough.",
        ),
        ticket=Field(
            "ticket",
            "Ticket",
            "EVAL-22 31",
            error="“EVAL-22 31” has a space in it. Write it like EVAL-2231.",
            is_required=False,
            optional_note="optional",
        ),
        preview=preview if chosen else None,
        idempotency_key="k",
    )


def request_state_page() -> request_state.RequestPage:
    return request_state.RequestPage(
        id="req_8kq2m4vt7zd3w5ya2b4c",
        title="Waiting · llm/llama-70b-ft",
        notice=Notice(
            "1 of 2 approved.",
            "Cleo or Mara still has to answer, by 15:30 UTC. You can close this page; we write to you.",
            icon="inbox",
        ),
        resource=LLAMA,
        badge=WAITING,
        sentence="You asked to pull a critical model for 2 hours",
        quote="MMLU regression after the 20 Nov merge. I need the full weights to bisect the last two checkpoints.",
        ticket="EVAL-2231",
        numbers=(
            Fact("Answer by", "15:30 UTC", "in 1 h 34 min"),
            Fact("Starts", "When you do", "before 24 Nov 13:55 UTC"),
            Fact("Lasts", "2 h", "from the start"),
        ),
        steps=(
            request_state.AskedStep(Badge("Approved", "check", "live"), "Model owners", "Ben, 2 min ago"),
            request_state.AskedStep(Badge("Waiting", "clock", "wait"), "Security", "1 of Cleo or Mara"),
        ),
        facts=(
            Fact("Sent", "23 Nov 13:51", "UTC, 4 min ago"),
            Fact("Policy", "weights-critical", "version 3", is_mono=True),
        ),
        withdraw=Confirm(
            "withdraw",
            "Withdraw your request?",
            "Nobody can answer it any more. What you wrote stays in the log.",
            "Withdraw",
            "Keep it",
            "/requests/req_1/withdraw",
            "/requests/req_1",
            is_danger=False,
        ),
        withdraw_href="/requests/req_1/withdraw",
        refresh_href="/requests/req_1",
        is_live=True,
    )


def approvals_page() -> approvals.ApprovalsPage:
    return approvals.ApprovalsPage(
        lead="Two questions wait for you. The first is due in 28 min.",
        rows=(
            approvals.ApprovalRow(
                "/approvals/req_1",
                "Ada Okafor asks to pull a critical model for 2 hours",
                LLAMA,
                ADA,
                TIER_BADGES["critical"],
                approvals.Risk("elevated", "Elevated", "62", False),
                "Answer by 14:24 UTC, in 28 min",
                "2026-11-23T14:24Z",
                True,
                "“MMLU regression after the 20 Nov merge. I need the full weights to bisect.”",
            ),
            approvals.ApprovalRow(
                "/approvals/req_2",
                "ci-bot asks to push to a sensitive model for 30 minutes",
                TINY,
                Person("ci-bot", ">_", "Agent of Ada Okafor", True),
                TIER_BADGES["sensitive"],
                approvals.Risk("low", "Low", "30", False),
                "Answer by 24 Nov 13:10 UTC, in 23 h 15 min",
                "2026-11-24T13:10Z",
                False,
                "“Nightly fine-tune 8 812”",
            ),
        ),
        own=(
            approvals.OwnRow(
                "/requests/req_5",
                "You asked to pull a sensitive model for 1 hour",
                TINY,
                WAITING,
                "Nobody approves their own request.",
            ),
        ),
    )


def approval_page(*, needs_code: bool = False) -> approvals.ApprovalPage:
    return approvals.ApprovalPage(
        id="req_8kq2m4vt7zd3w5ya2b4c",
        title="Ada asks for llm/llama-70b-ft",
        badge=Badge("Waiting for you", "clock", "wait", True),
        tier=Badge("Critical", "lock", "", True),
        risk=approvals.Risk("elevated", "Elevated", "62"),
        risk_long=approvals.Risk("elevated", "Elevated", "62 of 100"),
        deadline="Answer by 14:24 UTC, in 28 min",
        sentence="Ada Okafor asks to pull a critical model for 2 hours",
        resource=LLAMA,
        person=Person("Ada Okafor", "AO", "Research"),
        reason_label="Ada’s reason",
        quote="MMLU regression after the 20 Nov merge. I need the full weights to bisect the last two checkpoints.",
        ticket="EVAL-2231",
        weigh=(
            ReasonItem("Whole model, 131 GiB", "tier-critical", "up", "up"),
            ReasonItem("First time Ada asks for this repository", "first-use", "up", "up"),
            ReasonItem("Ada proved a second factor 4 min before asking", "strong-fresh-factor", "ok", "check"),
            ReasonItem("Ada holds no other grant now", "no-other-grant", "ok", "check"),
        ),
        bounds=(
            Fact("Lasts", "2 h", "longest allowed 4 h"),
            Fact("Starts", "When Ada does", "before 17:06 UTC"),
            Fact("Covers", "Every tag", "of this repository"),
        ),
        limits="Pull only. No push, no delete, no other repository. What is running is cut if you or Security revoke.",
        signed=(
            Fact("Policy", "weights-critical", "version 3", is_mono=True),
            Fact("Also needed", "1 of Security, after you"),
            Fact("Request", "req_8kq2m4vt7zd3w5ya2b4c", is_mono=True),
            Fact("You sign", "sha256 9f3c61d0 … 4be1", is_mono=True),
        ),
        hidden=(Hidden("payload_hash", "9f3c"),),
        approve_href="/approvals/req_1/approve",
        deny=Confirm(
            "deny",
            "Deny Ada’s pull of llm/llama-70b-ft?",
            "Ada reads your reason. One denial decides.",
            "Deny Ada’s pull",
            "Back",
            "/approvals/req_1/deny",
            "/approvals/req_1",
            is_danger=False,
            fields=(Field("note", "Why? Ada reads this.", kind="textarea"),),
            hidden=(Hidden("payload_hash", "9f3c"),),
        ),
        deny_href="/approvals/req_1/deny",
        verb="Approve for 2 h",
        code=Field("code", "Code from your authenticator", kind="code", hint="6 digits. Pasting works.")
        if needs_code
        else None,
        proof_note="Your proof is 42 min old; this needs one from the last 5 min."
        if needs_code
        else "Your second factor is fresh, so one press is enough.",
    )


def _row(
    at: str, badge: Badge, who: str, resource: Resource | None, what: str, moved: str, *, stop: bool = False
) -> activity.RecordRow:
    return activity.RecordRow(
        "/activity/rec_1",
        at,
        f"2026-11-23T{at}Z",
        badge,
        who,
        resource,
        what,
        "grant-revoked" if stop else "",
        moved,
        stop,
    )


def activity_page(*, story: bool = True) -> activity.ActivityPage:
    cut = Badge("Cut", "cut", "stop")
    rows = (
        _row("13:55:10.124", cut, "Dora Novák", LLAMA, "Pull of a blob, cut by a revoke", "41.2 GiB", stop=True),
        _row("13:54:58.870", Badge("Allowed", "check", "live"), "Ada Okafor", LLAMA, "Pull of a blob", "4.60 GiB"),
        _row("13:54:49.010", Badge("Refused", "x", "stop"), "ci-bot", TINY, "Push of a manifest", "0 B"),
        _row("13:53:55.206", Badge("Approved", "check", "live"), "Ben Lindqvist", TINY, "1 of 2 for Ada", "–"),
        _row("13:53:40.118", Badge("Rotated", "history"), "The gateway", None, "Credential of ci-bot", "–"),
    )
    steps = (
        activity.TimelineStep(
            "2026-11-23T13:54:32.204Z",
            "13:54:32.204",
            "Dora started pulling llm/llama-70b-ft",
            "Allowed by grt_5pw1",
            "",
        ),
        activity.TimelineStep(
            "2026-11-23T13:55:10.115Z", "13:55:10.115", "Cleo revoked the grant", "“rotating the weights”", "up"
        ),
        activity.TimelineStep(
            "2026-11-23T13:55:10.124Z",
            "13:55:10.124",
            "Stream cut at 41.2 GiB",
            "The client sees a broken transfer, not a short file",
            "stop",
        ),
        activity.TimelineStep("2026-11-23T13:55:10.131Z", "13:55:10.131", "1 credential revoked", "lse_88ac", "done"),
    )
    the_story = activity.Story(
        "Dora’s pull of llm/llama-70b-ft was cut in the middle",
        Badge("Cut, 9 ms after the revoke", "cut", "stop", True),
        Rail("31.4%", "41.2 of 131 GiB delivered, then cut; 89.8 GiB never left", is_cut=True, is_tall=True),
        "41.2 GiB delivered",
        "89.8 of 131 GiB never left",
        (
            Fact("Person", "Dora Novák"),
            Fact("Grant", "grt_5pw1", is_mono=True),
            Fact("Still open", "Nothing. Grant and credential are revoked."),
        ),
        steps,
    )
    return activity.ActivityPage(
        lead="",
        proof=activity.LogProof(Badge("Log signed", "shield", "live"), "18 204 records, head signed 40 s ago"),
        query="",
        selects=(
            activity.FilterSelect(
                "outcome", "Outcome", (Option("", "Any outcome", True), Option("refused", "Refused"))
            ),
            activity.FilterSelect(
                "target", "Target", (Option("", "Any target", True), Option("prod", "prod-registry"))
            ),
        ),
        chips=(activity.Chip("Today", "/activity"),),
        kept=(),
        clear_href="/activity",
        story=the_story if story else None,
        rows=rows,
        range_text="Records 18 204 385 to 18 204 391",
        older_href="?before=1",
        newest_href="",
        export=Action("Export with proof", "/activity/export"),
        empty_title="No record matches “llama-7”.",
        empty_text="18 204 are in the log.",
    )


def record_page() -> activity.RecordPage:
    return activity.RecordPage(
        "Cut · record 18 204 391",
        Badge("Cut", "cut", "stop", True),
        "Dora Novák’s pull of a blob was cut",
        "grant-revoked",
        LLAMA,
        (
            Fact("When", "23 Nov 13:55:10.124", "UTC"),
            Fact("Bytes sent", "41.2 GiB"),
            Fact("Record", "rec_0123456789abcdef0123456789abcdef", is_mono=True),
        ),
        (
            Fact("Leaf", "18 204 391", "of 18 204 402"),
            Fact("Leaf hash", "9f3c61d0a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef0123456789", is_mono=True),
        ),
        '{"actor_id":"usr_1","actor_kind":"person","at":"2026-11-23T13:55:10.124000Z"}',
        activity_page().rows[:2],
        "/activity?grant=grt_5pw1",
        Action("Activity", "/activity"),
    )


def sign_in_page() -> gate.GatePage:
    return gate.GatePage(
        "Sign in",
        "Then prove your second factor.",
        (
            Field("username", "User name", "ada", autocomplete="username", is_focused=True),
            Field("password", "Password", kind="password", autocomplete="current-password"),
        ),
        "Sign in",
        "/sign-in",
        Notice("Name or password does not match.", "Check both and try again.", "stop", "alert", code="sign-in-failed"),
    )


def prove_page() -> gate.GatePage:
    return gate.GatePage(
        "Prove it is you",
        "Your last proof is 42 min old; critical weights need one from the last 15 min. What you typed is kept.",
        (Field("code", "Code from your authenticator", kind="code", hint="6 digits. Pasting works.", is_focused=True),),
        "Go on",
        "/second-factor",
        links=(Action("Use a recovery code", "/second-factor/recovery"),),
        can_sign_out=True,
    )


def setup_page() -> gate.SetupPage:
    uri = "otpauth://totp/jit%20access:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=jit%20access"
    svg = segno.make(uri, error="m").svg_inline(svgclass="qr__svg", lineclass="qr__line", omitsize=True, border=0)
    return gate.SetupPage(
        svg,
        ("JBSW", "Y3DP", "EHPK", "3PXP", "JBSW", "Y3DP", "EHPK", "3PXP"),
        uri,
        Field("code", "Code", kind="code", hint="6 digits. Pasting works."),
        "/second-factor/set-up",
    )


def codes_page() -> gate.CodesPage:
    codes = tuple(f"k7q2-m4vt-{n}zd3-w5ya" for n in range(10))
    return gate.CodesPage(codes, "\n".join(codes), Action("I have saved them", "/access"))


def refusal_page() -> gate.RefusalPage:
    return gate.RefusalPage(
        404,
        "There is nothing here that you may see.",
        "Either this address does not exist, or it is not yours. Both look the same from here.",
        "not-found",
        (Action("My access", "/access", "grid"),),
        "b1946ac92492d2347c6235b4d2611184",
    )


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
        tokens=(
            security.SettingRow(
                "laptop", "Used 3 h ago, ends 22 Dec 09:00 UTC.", confirm_href="/x", confirm_label="Revoke"
            ),
        ),
        token_form_href="/settings/tokens/new",
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
        themes=(Option("auto", "Like the system", True), Option("light", "Light"), Option("dark", "Dark")),
        has_shortcuts=True,
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
