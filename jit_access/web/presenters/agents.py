"""Service accounts in words: does it work, who answers for it, what does it hold, what can be done?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import AgentHandover, StoppedBecause, User
from jit_access.accounts.standing import why_stopped
from jit_access.domain.reasons import Reason, explain
from jit_access.grants.models import Grant
from jit_access.grants.news import describe
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.presenters.grants import grant_badge
from jit_access.web.viewmodels.activity import RecordRow
from jit_access.web.viewmodels.agents import AgentPage, AgentRow, AgentsPage, Section, TokenCard
from jit_access.web.viewmodels.locks import HitRow
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice
from jit_access.web.viewmodels.security import SettingRow

NOTE_CHARS = 300
_BADGES = {
    None: Badge("Works", "check", "live"),
    Reason.ACCOUNT_LOCKED: Badge("Locked", "lock", "stop"),
    Reason.AGENT_SUSPENDED: Badge("Suspended", "stop", "wait"),
    Reason.AGENT_WITHOUT_OWNER: Badge("Without owner", "alert", "stop"),
    Reason.AGENT_RETIRED: Badge("Retired", "box"),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many API tokens and open grants, by the account's key."""

    tokens: Mapping[int, int]
    grants: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Lists:
    """What the page of all agents knows, read once."""

    viewer: User
    mine: Sequence[User]
    offers: Sequence[AgentHandover]
    others: Sequence[User]
    sees_others: bool
    may_make: bool
    counts: Counts
    now: datetime


@dataclass(frozen=True, slots=True)
class Agent:
    """What the page knows about one service account, read once."""

    account: User
    viewer: User
    groups: frozenset[str]
    tokens: Sequence[TokenCard]
    grants: Sequence[Grant]
    records: Sequence[RecordRow]
    offer: AgentHandover | None
    may_offer: bool
    sections: tuple[Section, ...]
    now: datetime

    @property
    def is_own(self) -> bool:
        return self.account.owner_id == self.viewer.pk


def agent_badge(account: User) -> Badge:
    """Whether anything of it works, and why not."""
    return _BADGES[why_stopped(account)]


def agent_row(account: User, tokens: int) -> SettingRow:
    """One agent in the list of settings."""
    stopped = why_stopped(account)
    note = f"{figures.plural(tokens, 'API token')}." if stopped is None else explain(stopped)
    return SettingRow(account.display_name, note, agent_badge(account), action=Action("Look", href_of(account)))


def href_of(account: User, what: str = "") -> str:
    """The page of one agent, or one of what can be done with it."""
    return reverse(f"web:agent-{what}" if what else "web:agent", args=[account.public_id])


def build_list(lists: Lists) -> AgentsPage:
    """All that one may know of."""
    works = sum(why_stopped(one) is None for one in lists.mine)
    lead = "A job, a bot or a pipeline that asks for access by itself. A person answers for each."
    if lists.mine:
        lead = f"You answer for {figures.plural(len(lists.mine), 'agent')}; {figures.number_word(works).lower()} works."
        lead = lead if works == 1 else f"{lead[:-6]}work."
    return AgentsPage(
        lead=lead,
        notices=tuple(_offer_notice(offer, lists.now) for offer in lists.offers),
        mine=tuple(_row(one, lists) for one in lists.mine),
        others=tuple(_row(one, lists) for one in lists.others),
        sees_others=lists.sees_others,
        make_href=reverse("web:agent-new") if lists.may_make else "",
        empty_title="You answer for no agent.",
        empty_text="Make one for a job that runs without you: it asks for access under its own name."
        if lists.may_make
        else "Your groups may not own agents. Operators say which ones may.",
    )


def build_page(agent: Agent) -> AgentPage:
    """The page of one agent."""
    account = agent.account
    stopped = why_stopped(account)
    return AgentPage(
        id=account.public_id,
        name=account.display_name,
        person=words.person_of(account),
        badge=agent_badge(account),
        lead=account.purpose or "Nobody wrote down what it is for.",
        notice=_notice(agent, stopped),
        offer=_accept_confirm(agent) if _is_offered_to_reader(agent) else None,
        decline_href=href_of(account, "decline"),
        facts=_facts(agent),
        actions=_actions(agent, stopped),
        tokens=tuple(agent.tokens),
        token_form_href=href_of(account, "token-new") if agent.is_own and stopped is None else "",
        empty_note="It has no API token. Give it one, or a workload identity, so that it can ask."
        if stopped is None
        else "It has no API token.",
        sections=agent.sections,
        grants=tuple(_grant_row(grant, agent.now) for grant in agent.grants),
        records=tuple(agent.records),
        activity_href=reverse("web:activity"),
    )


def suspend_confirm(account: User) -> Confirm:
    """What stops."""
    name = account.display_name
    return Confirm(
        id="suspend",
        title=f"Suspend {name}?",
        effect="Its open grants end and what runs on them is cut. Its tokens are refused until you take it up again.",
        verb=f"Suspend {name}",
        keep="Let it run",
        post_href=href_of(account, "suspend"),
        back_href=href_of(account),
        fields=(
            Field("note", "Why?", "", "textarea", max_chars=NOTE_CHARS, is_required=False, optional_note="for the log"),
        ),
    )


def resume_confirm(account: User) -> Confirm:
    """What works again, and what does not."""
    name = account.display_name
    return Confirm(
        id="resume",
        title=f"Take {name} up again?",
        effect="Its tokens work again. Grants that ended stay ended: it asks anew.",
        verb=f"Take {name} up",
        keep="Leave it suspended",
        post_href=href_of(account, "resume"),
        back_href=href_of(account),
        is_danger=False,
    )


def retire_confirm(account: User) -> Confirm:
    """What ends for good."""
    name = account.display_name
    return Confirm(
        id="retire",
        title=f"Retire {name} for good?",
        effect="Its grants and API tokens end. It cannot be taken up again, and nobody else gets its name.",
        verb=f"Retire {name}",
        keep="Keep it",
        post_href=href_of(account, "retire"),
        back_href=href_of(account),
    )


def offer_confirm(account: User, typed: Mapping[str, str] | None = None, error: tuple[str, str] = ("", "")) -> Confirm:
    """Whom to ask. `error`: a field and what is wrong with it."""
    given, name = typed or {}, account.display_name
    return Confirm(
        id="offer",
        title=f"Who shall answer for {name}?",
        effect="Nothing changes until they accept, within 7 days. Then its API tokens and grants end, since you have "
        "seen them, and it leaves the groups that they are not in.",
        verb="Ask them",
        keep="Keep it as it is",
        post_href=href_of(account, "offer"),
        back_href=href_of(account),
        is_danger=False,
        fields=(
            Field(
                "to", "Their user name", given.get("to", ""), max_chars=80, placeholder="ben",
                error=error[1] if error[0] == "to" else "",
            ),
            Field(
                "note", "What should they know?", given.get("note", ""), "textarea", max_chars=NOTE_CHARS,
                is_required=False, optional_note="optional", error=error[1] if error[0] == "note" else "",
            ),
        ),
    )  # fmt: skip


def _row(account: User, lists: Lists) -> AgentRow:
    return AgentRow(
        href=href_of(account),
        name=account.display_name,
        purpose=account.purpose,
        owner=account.owner.display_name if account.owner else "nobody",
        badge=agent_badge(account),
        tokens=figures.grouped(lists.counts.tokens.get(account.pk, 0)),
        grants=figures.grouped(lists.counts.grants.get(account.pk, 0)),
    )


def _grant_row(grant: Grant, now: datetime) -> HitRow:
    ends = f"ends {figures.end_time(grant.valid_until, now)}" if grant.valid_until else "not started"
    return HitRow(f"{reverse('web:activity')}?grant={grant.public_id}", ends, describe(grant), grant_badge(grant, now))


def _facts(agent: Agent) -> tuple[Fact, ...]:
    account = agent.account
    owner = account.owner.display_name if account.owner else "Nobody"
    is_gone = account.owner is not None and not account.owner.is_active
    return (
        Fact("User name", account.username, is_mono=True),
        Fact("Id", account.public_id, is_mono=True),
        Fact("Answers for it", owner, "their account is locked" if is_gone else ""),
        Fact("Groups", ", ".join(words.group_title(name) for name in sorted(agent.groups)) or "None"),
        Fact("Never", "Approves, proves a factor, makes tokens, takes itself up"),
    )


def _actions(agent: Agent, stopped: Reason | None) -> tuple[Action, ...]:
    account = agent.account
    if account.stopped_because == StoppedBecause.RETIRED:
        return ()
    hand_over = Action("Hand over" if agent.is_own else "Name a new owner", href_of(account, "offer"))
    if not agent.is_own:
        return (hand_over,) if agent.may_offer else ()
    change = Action("Change", href_of(account, "change"))
    retire = Action("Retire", href_of(account, "retire"))
    if stopped is None:
        return (change, Action("Suspend", href_of(account, "suspend")), hand_over, retire)
    if stopped in {Reason.AGENT_SUSPENDED, Reason.AGENT_WITHOUT_OWNER}:
        return (Action("Take it up again", href_of(account, "resume"), style="primary"), change, hand_over, retire)
    return (hand_over, retire)


def _notice(agent: Agent, stopped: Reason | None) -> Notice | None:
    if agent.offer is not None and not _is_offered_to_reader(agent):
        to, ends = agent.offer.to.display_name, figures.end_time(agent.offer.expires_at, agent.now)
        take_back = Action("Take it back", href_of(agent.account, "withdraw")) if agent.may_offer else None
        title = f"{to} is asked to answer for it, until {ends}."
        return Notice(title, "Nothing changes before.", "wait", "clock", take_back)
    if stopped is None:
        return None
    more = {
        Reason.ACCOUNT_LOCKED: "Its tokens and grants are refused. Ask Security to unlock it.",
        Reason.AGENT_SUSPENDED: "Its tokens are refused, and its grants ended.",
        Reason.AGENT_WITHOUT_OWNER: "Its tokens are refused, and its grants ended, until somebody answers for it.",
        Reason.AGENT_RETIRED: "What it did stays in the log.",
    }[stopped]
    title = "Security locked it." if stopped is Reason.ACCOUNT_LOCKED else explain(stopped)
    tone = "" if stopped is Reason.AGENT_RETIRED else "stop"
    return Notice(title, more, tone, "alert" if tone else "box", code=str(stopped))


def _is_offered_to_reader(agent: Agent) -> bool:
    return agent.offer is not None and agent.offer.to_id == agent.viewer.pk


def _accept_confirm(agent: Agent) -> Confirm:
    offer = agent.offer
    who = offer.offered_by.display_name if offer is not None else ""
    note = f" They wrote: “{offer.note}”" if offer is not None and offer.note else ""
    return Confirm(
        id="accept",
        title=f"{who} asks you to answer for {agent.account.display_name}.",
        effect="You see what it holds, make its tokens, and can suspend it at any time. The tokens and grants that it "
        f"has now end.{note}",
        verb="Answer for it",
        keep="No",
        post_href=href_of(agent.account, "accept"),
        back_href=reverse("web:agents"),
        is_danger=False,
    )


def _offer_notice(offer: AgentHandover, now: datetime) -> Notice:
    return Notice(
        f"{offer.offered_by.display_name} asks you to answer for {offer.agent.display_name}.",
        f"Until {figures.end_time(offer.expires_at, now)}. Nothing changes before you accept.",
        "wait",
        "person",
        Action("Look at it", href_of(offer.agent)),
    )
