"""Sentences that several pages share: what is asked, of what, by whom; the names of groups and of tiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jit_access.accounts.models import User
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.scopes import ResourceScope, Scope
from jit_access.policies.asked import MANAGER, TARGET_OWNER, group_of
from jit_access.web import figures
from jit_access.web.viewmodels.parts import TIER_BADGES, Fact, Person, Resource, ScopePart, make_person

_REFERENCES = {"oci": "tag", "hf": "revision", "mlflow": "version"}
_WILDCARDS = frozenset("*?")
_NOUNS = {Operation.PROMOTE: "promotion", Operation.ADMIN: "administration"}
# More repositories than these are counted in a sentence; the list beside it has each of them.
_MAX_NAMED = 3
_TIER_ORDER = (Tier.STANDARD, Tier.SENSITIVE, Tier.CRITICAL)
# "pull a model", but "push to a model" and "delete from a model".
_WITH_OBJECT = {Operation.PUSH: "push to", Operation.DELETE: "delete from", Operation.PROMOTE: "promote versions of"}


_RELATIONS = {
    MANAGER: ("The manager", "the manager"),
    TARGET_OWNER: ("Owners of the target", "{} of the target's owners"),
}


def group_title(name: str) -> str:
    """`model-owners` as people say it: `Model owners`."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def asked_title(word: str) -> str:
    """Whom a step asks, as a heading: `Model owners`, `The manager`, `Owners of the target`."""
    group = group_of(word)
    return group_title(group) if group is not None else _RELATIONS[word][0]


def asked_phrase(needed: int, word: str) -> str:
    """`1 of Model owners`, `the manager`, `1 of the target's owners`."""
    return f"{needed} of {asked_title(word)}" if group_of(word) is not None else _RELATIONS[word][1].format(needed)


def operations_phrase(operations: Iterable[Operation]) -> str:
    """`pull`, `pull and push`, as the things they are: "your pull and push"."""
    wanted = set(operations)
    return figures.joined([operation.value for operation in Operation if operation in wanted])


def operations_title(operations: Iterable[Operation]) -> str:
    """`Pull and push`, as a label."""
    return operations_phrase(operations).capitalize()


def operation_label(operations: Iterable[Operation]) -> str:
    """`Pull and push`, `Administer`: what somebody chooses to do."""
    wanted = set(operations)
    return figures.joined([operation.verb for operation in Operation if operation in wanted]).capitalize()


def verb_phrase(operations: Iterable[Operation]) -> str:
    """The verb with its preposition: `pull`, `push to`, `pull and push to`."""
    among = set(operations)
    wanted = [operation for operation in Operation if operation in among]
    if not wanted:
        return "use"
    last = _WITH_OBJECT.get(wanted[-1], wanted[-1].verb)
    return figures.joined([*(operation.verb for operation in wanted[:-1]), last])


def worst_tier(tiers: Iterable[Tier]) -> Tier:
    """The tier that counts when several repositories are asked together. Nothing known counts as critical."""
    return max(tiers, key=_TIER_ORDER.index, default=Tier.CRITICAL)


def reference_word(kind: str) -> str:
    """What a kind of target calls the names in a repository: `tag`, `version`; "" where there are none."""
    return _REFERENCES.get(kind, "")


def object_phrase(scope: Scope, tier: Tier, kind: str = "oci") -> str:
    """`a critical repository`, `one tag of a critical repository`, `3 repositories, the strictest critical`."""
    count = len(scope.resources)
    if count == 1:
        return f"{_narrowed(scope.resources[0], reference_word(kind) or 'part')}a {tier.value} repository"
    return f"{count} repositories, the strictest {tier.value}"


def _narrowed(part: ResourceScope, word: str) -> str:
    if part.is_whole:
        return ""
    if part.files:
        return "certain files of "
    if not part.tags:
        return "one digest of " if len(part.digests) == 1 else "certain digests of "
    is_one = len(part.tags) == 1 and not part.digests and not _WILDCARDS & set(part.tags[0])
    return f"one {word} of " if is_one else f"certain {word}s of "


def ask_phrase(scope: Scope, tier: Tier, lasts_s: int, kind: str = "oci") -> str:
    """`pull a critical repository for 2 hours`: what follows "asks to".

    Several repositories are named with what is asked on each: no sentence lends one the operation of another.
    """
    lasts = figures.spoken_duration(lasts_s)
    if len(scope.resources) == 1:
        return f"{_verb_of(scope.resources[0])} {object_phrase(scope, tier, kind)} for {lasts}"
    if len(scope.resources) <= _MAX_NAMED:
        return f"{_each_phrase(scope, reference_word(kind) or 'part')}, for {lasts}"
    verb = verb_phrase(scope.operations) if is_uniform(scope) else "use"
    return f"{verb} {object_phrase(scope, tier, kind)}, for {lasts}"


def _each_phrase(scope: Scope, word: str) -> str:
    """`pull and push to llm/a, and to pull llm/b`."""
    by_verb: dict[str, list[str]] = {}
    for part in scope.resources:
        by_verb.setdefault(_verb_of(part), []).append(f"{_narrowed(part, word)}{part.repository}")
    phrases = [f"{verb} {figures.joined(names)}" for verb, names in by_verb.items()]
    return ", and to ".join(phrases)


def _verb_of(part: ResourceScope) -> str:
    """`promote versions of` a model, but `promote` where its versions are named."""
    verb = verb_phrase(part.operations)
    return verb.removesuffix(" versions of") if part.is_restricted else verb


def is_uniform(scope: Scope) -> bool:
    """True when the same is allowed on every repository."""
    return len({part.operations for part in scope.resources}) == 1


def held_word(scope: Scope) -> str:
    """`pull and push`, as in "your pull and push"; `access` where repositories differ in it."""
    return _nouns(scope.operations) if is_uniform(scope) else "access"


def _nouns(operations: Iterable[Operation]) -> str:
    """`pull and administration`: what follows "your"."""
    wanted = set(operations)
    return figures.joined([_NOUNS.get(operation, operation.value) for operation in Operation if operation in wanted])


def held_phrase(scope: Scope, preposition: str) -> str:
    """`pull on llm/a`, `access to llm/a (pull and push) and llm/b (pull)`: every repository is named."""
    if is_uniform(scope):
        names = figures.joined([part.repository for part in scope.resources])
        return f"{_nouns(scope.operations)} {preposition} {names}"
    return (
        f"access to {figures.joined([f'{p.repository} ({operations_phrase(p.operations)})' for p in scope.resources])}"
    )


def scope_name(scope: Scope) -> str:
    """`llm/a`, `llm/a and llm/b`: for titles. What lists the parts stands on the page."""
    names = [part.repository for part in scope.resources]
    return figures.joined(names) if len(names) <= _MAX_NAMED else f"{names[0]} and {len(names) - 1} more"


def scope_parts(
    target: str, scope: Scope, kind: str = "oci", tiers: Mapping[str, str] | None = None
) -> tuple[ScopePart, ...]:
    """Each repository with its own operations, and tier where it is known; nothing for a single one."""
    if len(scope.resources) == 1:
        return ()
    known = tiers or {}
    return tuple(
        ScopePart(
            Resource(target, part.repository),
            operations_title(part.operations),
            TIER_BADGES.get(known.get(part.repository, "")),
            "" if part.is_whole else f"only {scope_note(Scope((part,)), kind)}",
        )
        for part in scope.resources
    )


def resources(target: str, scope: Scope) -> tuple[Resource, ...]:
    """Every repository of a scope as clients name it."""
    return tuple(Resource(target, part.repository) for part in scope.resources)


def scope_tier(target_slug: str, scope: Scope, tiers: Mapping[tuple[str, str], Tier]) -> Tier:
    """The strictest tier of a scope; an uncatalogued repository counts as critical, as policy does."""
    return worst_tier(tiers.get((target_slug, part.repository), Tier.CRITICAL) for part in scope.resources)


def person_of(user: User) -> Person:
    """An account with what it is: a title for people, the owner for agents."""
    if not user.is_person:
        owner = user.owner.display_name if user.owner else "nobody"
        return make_person(user.display_name, note=f"Agent of {owner}", is_agent=True)
    return make_person(user.display_name, note=user.title)


def short_name(user: User) -> str:
    """First name of a person, whole name of an agent."""
    return figures.first_name(user.display_name) if user.is_person else user.display_name


def scope_note(scope: Scope, kind: str = "oci") -> str:
    """What narrows a scope, or that nothing does. `reference_facts` has all of it."""
    if all(part.is_whole for part in scope.resources):
        return f"Every {reference_word(kind)}" if reference_word(kind) else "All of it"
    if len(scope.resources) > 1:
        return f"Certain {reference_word(kind) or 'part'}s"
    part = scope.resources[0]
    names = [*part.tags, *(digest[:19] for digest in part.digests), *part.files]
    return ", ".join(names[:3]) + f" and {len(names) - 3} more" if len(names) > 3 else figures.joined(names)


def reference_facts(scope: Scope, kind: str = "oci") -> tuple[Fact, ...]:
    """Every tag, digest and file that a scope is narrowed to, in full. Nothing where nothing narrows it."""
    facts = []
    for part in scope.resources:
        of = f" of {part.repository}" if len(scope.resources) > 1 else ""
        if part.tags:
            facts.append(Fact(f"Only {reference_word(kind) or 'tag'}s{of}", ", ".join(part.tags), is_mono=True))
        if part.digests:
            facts.append(Fact(f"Only digests{of}", ", ".join(part.digests), is_mono=True))
        if part.files:
            facts.append(Fact(f"Only files{of}", ", ".join(part.files), is_mono=True))
    return tuple(facts)
