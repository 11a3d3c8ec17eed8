"""Our questions and rules in the forms that Cedar takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cedarpy

from jit_access.policies.questions import Question, Resource, Subject

Source = dict[str, Any]  # one policy in Cedar's JSON form


def policy_set_of(sources: Mapping[str, dict[str, Any]]) -> cedarpy.PolicySet:
    """A handle whose policy ids are our rule ids, so that diagnostics name rules."""
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"templates": {}, "staticPolicies": dict(sources), "templateLinks": []})
    )


def request_form(question: Question) -> dict[str, Any]:
    """The question as Cedar takes it. Structured ids, so that no name can be read as syntax."""
    context: dict[str, Any] = {
        "lasts_s": question.lasts_s,
        "assurance": int(question.proof.assurance),
        "is_agent": question.subject.is_agent,
        "phase": question.phase.value,
    }
    if question.proof.factor_age_s is not None:
        context["factor_age_s"] = question.proof.factor_age_s
    return {
        "principal": {"type": "User", "id": question.subject.id},
        "action": {"type": "Action", "id": question.operation.value},
        "resource": {"type": "Repository", "id": repository_id(question.resource)},
        "context": context,
    }


def entities_json(subject: Subject, resource: Resource) -> str:
    """What a question needs of the world: the subject with its groups, the repository with its tier."""
    groups = [{"type": "Group", "id": name} for name in sorted(subject.groups)]
    places = [{"type": "Target", "id": resource.target}, {"type": "Tier", "id": resource.tier.value}]
    return json.dumps(
        [
            {"uid": {"type": "User", "id": subject.id}, "attrs": {}, "parents": groups},
            {
                "uid": {"type": "Repository", "id": repository_id(resource)},
                "attrs": {"name": resource.repository, "target": resource.target, "tier": resource.tier.value},
                "parents": places,
            },
        ]
    )


def repository_id(resource: Resource) -> str:
    return f"{resource.target}/{resource.repository}"
