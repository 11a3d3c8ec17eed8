"""What a name means decides how much it matters: a bucket holds its prefixes."""

from __future__ import annotations

import pytest

from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.targets.tiers import tiers_of

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[TargetKind.S3, TargetKind.OCI])
def target(request: pytest.FixtureRequest) -> Target:
    made = Target.objects.create(slug="t", kind=request.param, display_name="T", base_url="http://127.0.0.1:1")
    rows = {"models": Tier.STANDARD, "models/frontier": Tier.CRITICAL, "models/llama": Tier.STANDARD,
            "models2/x": Tier.CRITICAL, "other": Tier.STANDARD}  # fmt: skip
    for name, tier in rows.items():
        Repository.objects.create(target=made, name=name, tier=tier)
    return made


def test_a_bucket_is_as_serious_as_the_most_serious_thing_in_it(target: Target) -> None:
    found = tiers_of(target, ["models", "models/llama", "other", "unknown"])
    holds_below = target.kind == TargetKind.S3
    assert found == {
        "models": Tier.CRITICAL if holds_below else Tier.STANDARD,
        "models/llama": Tier.STANDARD,
        "other": Tier.STANDARD,
    }
