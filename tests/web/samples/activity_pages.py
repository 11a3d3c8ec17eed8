"""Activity, and one record of it."""

from __future__ import annotations

from jit_access.web.viewmodels import activity
from jit_access.web.viewmodels.parts import Action, Badge, Fact, Option, Rail, Resource
from tests.web.samples.common import LLAMA, TINY


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
        folded_href="/activity?handshakes=shown",
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
