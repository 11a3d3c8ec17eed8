"""Service accounts and API tokens as clients see them. A token's text is in one answer, once; its hash in none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from jit_access.accounts.models import AgentHandover, ApiToken, User
from jit_access.accounts.selectors import groups_of, open_offer_of
from jit_access.accounts.services import may_offer
from jit_access.accounts.standing import state_of, why_stopped
from jit_access.api.requests_inputs import describe_name
from jit_access.api.requests_outputs import NameOutput
from jit_access.domain.agents import AgentState


class AgentOfferOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    to = NameOutput()
    offered_by = NameOutput()
    note = serializers.CharField()
    expires_at = serializers.DateTimeField()


class AgentOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    display_name = serializers.CharField()
    purpose = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(one) for one in AgentState])
    reason = serializers.CharField(help_text="Why it does not work; empty while it does.")
    owner = NameOutput(allow_null=True)
    groups = serializers.ListField(child=serializers.CharField())


class AgentDetailOutput(AgentOutput):
    offer = AgentOfferOutput(allow_null=True, help_text="Who is asked to answer for it.")
    may_offer = serializers.BooleanField(help_text="True for its owner, and for security while it has none.")


class ApiTokenRotationOutput(serializers.Serializer[Any]):
    generation = serializers.IntegerField()
    every_s = serializers.IntegerField()
    overlap_s = serializers.IntegerField()
    next_due_at = serializers.DateTimeField(allow_null=True, help_text="When the next one is made.")
    ends_at = serializers.DateTimeField(help_text="After this no next one is made.")
    next_waits = serializers.BooleanField(help_text="The next one was made and nobody has shown it yet.")


class ApiTokenOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    begins = serializers.CharField(help_text="How its text begins: enough to know it again.")
    made_by = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_from = serializers.CharField(allow_blank=True)
    networks = serializers.ListField(
        child=serializers.CharField(), help_text="Where it may be used from; all if empty."
    )
    max_uses = serializers.IntegerField(allow_null=True)
    uses_left = serializers.IntegerField(allow_null=True)
    key_thumbprint = serializers.CharField(allow_blank=True, help_text="Of the key that each call has to prove.")
    rotation = ApiTokenRotationOutput(allow_null=True)


class IssuedApiTokenOutput(ApiTokenOutput):
    token = serializers.CharField(help_text="The text. It is shown here and nowhere else.")


class NextTokenOutput(serializers.Serializer[Any]):
    token = serializers.CharField(allow_null=True, help_text="The next token's text; null while none is due.")
    generation = serializers.IntegerField()
    expires_at = serializers.DateTimeField(help_text="Of the token in `token`, or of the one in use.")
    next_due_at = serializers.DateTimeField(allow_null=True, help_text="When to ask again; null: there will be none.")


def describe_agent_row(agent: User) -> dict[str, object]:
    return {
        "id": agent.public_id,
        "name": agent.username,
        "display_name": agent.display_name,
        "purpose": agent.purpose,
        "state": str(state_of(agent)),
        "reason": str(why_stopped(agent) or ""),
        "owner": describe_name(agent.owner) if agent.owner is not None else None,
        "groups": sorted(groups_of(agent)),
    }


def describe_agent(viewer: User, agent: User, now: datetime) -> dict[str, object]:
    offer = open_offer_of(agent, now=now)
    return describe_agent_row(agent) | {
        "offer": describe_offer(offer) if offer is not None else None,
        "may_offer": may_offer(viewer, agent),
    }


def describe_offer(offer: AgentHandover) -> dict[str, object]:
    return {
        "id": offer.public_id,
        "to": describe_name(offer.to),
        "offered_by": describe_name(offer.offered_by),
        "note": offer.note,
        "expires_at": offer.expires_at,
    }


def describe_token(token: ApiToken) -> dict[str, object]:
    family = token.family
    left = None if token.max_uses is None else max(0, token.max_uses - token.use_count)
    return {
        "id": token.public_id,
        "name": token.name,
        "begins": f"jita_api_{token.token_id}",
        "made_by": token.made_by.display_name if token.made_by is not None else "",
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "last_used_from": token.last_used_from,
        "networks": list(token.networks),
        "max_uses": token.max_uses,
        "uses_left": left,
        "key_thumbprint": token.jkt,
        "rotation": None
        if family is None
        else {
            "generation": token.generation,
            "every_s": family.rotates_every_s,
            "overlap_s": family.overlap_s,
            "next_due_at": family.due_at if family.due_at < family.ends_at else None,
            "ends_at": family.ends_at,
            "next_waits": family.newest_generation > max(1, family.used_generation),
        },
    }
