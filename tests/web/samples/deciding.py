"""The queue of an approver, and one question."""

from __future__ import annotations

from jit_access.web.viewmodels import approvals
from jit_access.web.viewmodels.parts import TIER_BADGES, Badge, Confirm, Fact, Field, Hidden, Person, ReasonItem
from tests.web.samples.common import ADA, LLAMA, TINY, WAITING


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
        references=(Fact("Only tags", "v3, v3.*", is_mono=True),),
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
