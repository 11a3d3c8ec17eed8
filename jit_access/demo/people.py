"""The demo's cast: Ada asks, Ben approves, Cleo is an outsider, Dora audits, ci-bot works for Ada."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

# Groups that the example policy and the roles name; a group exists even when nobody is in it.
ALL_GROUPS: Final = ("research", "model-owners", "security", "auditors", "operators")
_WORDS: Final = (
    "amber anchor basil beacon birch cedar cobalt copper coral delta ember fern fjord garnet harbor hazel indigo "
    "ivory juniper lagoon larch linen maple marble meadow nectar ocean olive onyx pebble quartz raven reed saffron "
    "sierra slate spruce tundra umber velvet walnut willow"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the cast. `job` is shown beside the name."""

    username: str
    display_name: str
    job: str
    groups: tuple[str, ...]


CAST: Final = (
    Person("ada", "Ada Okafor", "Research scientist: asks", ("research",)),
    Person("ben", "Ben Laurent", "Owns the models: approves", ("model-owners", "operators")),
    Person("cleo", "Cleo Marsh", "Works elsewhere: sees nothing", ()),
    Person("dora", "Dora Lindqvist", "Security: audits and revokes", ("auditors", "security")),
)
AGENT: Final = "ci-bot"
AGENT_OWNER: Final = "ada"
AGENT_PURPOSE: Final = "Pulls base images for the nightly evaluation."


def new_password() -> str:
    """Four words and a number: 36 bits, easy to type. Development only."""
    return "-".join([*(secrets.choice(_WORDS.split()) for _ in range(4)), str(secrets.randbelow(9000) + 1000)])
