"""Targets and the catalogue as the API shows them. Addresses are for operators; credentials are for nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rest_framework import serializers

from jit_access.access_requests.voices import people_for
from jit_access.accounts.models import User
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import explain
from jit_access.policies.answers import PolicyAnswer, numbered
from jit_access.targets.models import Repository, Target, TargetHealth
from jit_access.targets.tiers import weights_of


class TargetOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    slug = serializers.CharField()
    kind = serializers.CharField()
    display_name = serializers.CharField()
    health = serializers.ChoiceField(choices=TargetHealth.choices)
    health_reason = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)


class ManagedOutput(serializers.Serializer[Any]):
    base_url = serializers.CharField()
    username = serializers.CharField()
    has_password = serializers.BooleanField()
    allow_private = serializers.BooleanField()
    token_origins = serializers.ListField(child=serializers.CharField())
    redirect_origins = serializers.ListField(child=serializers.CharField())


class RepositoryOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    target = serializers.CharField()
    repository = serializers.CharField()
    tier = serializers.ChoiceField(
        choices=[tier.value for tier in Tier], help_text="The one that counts: in a store, what lies below counts too."
    )
    own_tier = serializers.ChoiceField(
        choices=[tier.value for tier in Tier], help_text="What an operator said of it alone."
    )
    description = serializers.CharField()
    latest_tag = serializers.CharField()
    size_bytes = serializers.IntegerField(allow_null=True)
    is_gone = serializers.BooleanField()


class TargetDetailOutput(TargetOutput):
    managed = ManagedOutput(allow_null=True, help_text="For operators only.")


class DiscoveryOutput(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    gone = serializers.IntegerField()
    back = serializers.IntegerField()
    described = serializers.IntegerField()
    is_complete = serializers.BooleanField(help_text="When false, the target listed more than the gateway reads.")
    unusable = serializers.IntegerField(help_text="Names that no registry may have, left out.")


class DeciderOutput(serializers.Serializer[Any]):
    stage = serializers.IntegerField(help_text="Stages are asked one after the other, from 1.")
    group = serializers.CharField()
    needed = serializers.IntegerField()
    available = serializers.IntegerField(help_text="How many people of the group could answer you.")


class OperationOutput(serializers.Serializer[Any]):
    operation = serializers.ChoiceField(choices=[operation.value for operation in Operation])
    is_open = serializers.BooleanField(help_text="You may ask for it.")
    reason = serializers.CharField()
    sentence = serializers.CharField()
    rules = serializers.ListField(child=serializers.CharField())
    lasts_at_most_s = serializers.IntegerField()
    decided_by = DeciderOutput(many=True)


class CatalogueOutput(RepositoryOutput):
    operations = OperationOutput(many=True)


def describe_target(target: Target) -> dict[str, object]:
    return {
        "id": target.public_id,
        "slug": target.slug,
        "kind": target.kind,
        "display_name": target.display_name,
        "health": target.health,
        "health_reason": target.health_reason,
        "checked_at": target.checked_at,
    }


def describe_managed(target: Target) -> dict[str, object]:
    return {
        "base_url": target.base_url,
        "username": target.username,
        "has_password": bool(target.sealed_password),
        "allow_private": target.allow_private,
        "token_origins": target.token_origins,
        "redirect_origins": target.redirect_origins,
    }


def describe_repositories(rows: Sequence[Repository]) -> list[dict[str, object]]:
    """Of what lies below only its weight is told: not everybody may know its name."""
    weights = weights_of(rows)
    return [_describe_repository(row, weights[row.pk].tier) for row in rows]


def _describe_repository(repository: Repository, tier: Tier) -> dict[str, object]:
    return {
        "id": repository.public_id,
        "target": repository.target.slug,
        "repository": repository.name,
        "tier": tier.value,
        "own_tier": repository.tier,
        "description": repository.description,
        "latest_tag": repository.latest_tag,
        "size_bytes": repository.size_bytes,
        "is_gone": repository.gone_at is not None,
    }


def describe_operation(operation: Operation, answer: PolicyAnswer, available: Mapping[str, int]) -> dict[str, object]:
    """What policy says about one operation; `available` is by group."""
    decided_by = [
        {
            "stage": approval.stage,
            "group": approval.group,
            "needed": approval.needed,
            "available": available[approval.group],
        }
        for approval in numbered(answer.approvals)
    ]
    return {
        "operation": operation.value,
        "is_open": answer.is_allowed,
        "reason": answer.reason.value,
        "sentence": explain(answer.reason),
        "rules": list(answer.rules),
        "lasts_at_most_s": answer.lasts_at_most_s,
        "decided_by": decided_by,
    }


def count_deciders(words: Collection[str], asker: User, target: Target) -> dict[str, int]:
    """How many people of each kind could answer this asker: nobody approves their own, or their service account's."""
    return {word: len(people) for word, people in people_for(words, asker, target).items()}
