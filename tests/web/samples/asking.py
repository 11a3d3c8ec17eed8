"""The form of a request, and the page that waits for its answer."""

from __future__ import annotations

from jit_access.web.viewmodels import request_form, request_state
from jit_access.web.viewmodels.parts import TIER_BADGES, Badge, Confirm, Fact, Field, Notice, Option, ReasonItem
from tests.web.samples.common import LLAMA, MIXTRAL, TINY, WAITING


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
        references=Field(
            "references",
            "Tags or digests, one per line",
            "v3",
            "textarea",
            "v1 or v1.* or a whole sha256 digest.",
            is_required=False,
        ),
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
