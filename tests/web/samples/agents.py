"""Service accounts: the list, one of them, the form."""

from __future__ import annotations

from jit_access.web.viewmodels import agents
from jit_access.web.viewmodels.locks import HitRow
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice, Option, Person

_PURPOSE = "Scores each night's checkpoints against the test set."


def agents_page() -> agents.AgentsPage:
    row = agents.AgentRow("/agents/usr_1", "eval-nightly", _PURPOSE, "Ada Okafor", Badge("Works", "check"), "2", "1")
    offer = Notice("Ben asks you to answer for ci-bot.", "Until 1 Dec.", "wait", "person", Action("Look at it", "/x"))
    return agents.AgentsPage(
        "You answer for 1 agent; one works.",
        (offer,),
        (row,),
        (row,),
        True,
        "/agents/new",
        "You answer for no agent.",
        "",
    )


def agent_page() -> agents.AgentPage:
    revoke = Confirm("revoke-tok_1", "Revoke it?", "It is refused from now on.", "Revoke it", "Keep it", "/x", "/y")
    return agents.AgentPage(
        id="usr_1",
        name="eval-nightly",
        person=Person("eval-nightly", ">_", "Agent of Ada Okafor", is_agent=True),
        badge=Badge("Works", "check", "live"),
        lead=_PURPOSE,
        notice=Notice("Ben is asked to answer for it.", "", "wait", "clock"),
        offer=Confirm("accept", "Ben asks you.", "Its tokens end.", "Answer for it", "No", "/x", "/y", is_danger=False),
        decline_href="/agents/usr_1/offer/decline",
        facts=(Fact("User name", "eval-nightly", is_mono=True), Fact("Groups", "Research")),
        actions=(Action("Suspend", "/agents/usr_1/suspend"),),
        tokens=(
            agents.TokenCard(
                "nightly",
                Badge("Works", "check", "live"),
                (Fact("Ends", "22 Dec"),),
                "jita_api_0123456789abcdef",
                revoke,
            ),
        ),
        token_form_href="/agents/usr_1/tokens/new",
        empty_note="",
        sections=(),
        grants=(
            HitRow("/activity", "ends 15:08 UTC", "demo-registry/llm/tiny-llama", Badge("Active", "check", "live")),
        ),
        records=(),
        activity_href="/activity",
    )


def agent_form() -> agents.AgentForm:
    return agents.AgentForm(
        "Make an agent",
        "You answer for it.",
        (Field("name", "User name"),),
        (Option("research", "Research", True),),
        "Groups of yours only.",
        None,
        "/agents/new",
        "/agents",
        "Make the agent",
    )
