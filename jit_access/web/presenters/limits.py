"""What a grant is limited to beside its scope, in words: budgets, and kinds of files that are refused."""

from __future__ import annotations

from collections.abc import Iterable

from jit_access.domain.file_rules import CLASSES, FileClass
from jit_access.targets.models import TargetKind
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Fact, ReasonItem

# What a rule refuses by name is not known where requests name digests.
NAMELESS = frozenset({TargetKind.OCI.value})
_NOT_HERE = "Requests at this registry name digests, not files: it refuses nothing here"
_ENDINGS_SHOWN = 4


def budgets_phrase(byte_budget: int, request_budget: int) -> str:
    """`200 GiB or 2 000 requests`; nothing without a budget."""
    parts = [figures.size(byte_budget)] if byte_budget else []
    parts += [requests_phrase(request_budget)] if request_budget else []
    return " or ".join(parts)


def requests_phrase(count: int) -> str:
    """`2 000 requests`."""
    return f"{figures.grouped(count)} request{'' if count == 1 else 's'}"


def limit_facts(byte_budget: int, request_budget: int, refused: Iterable[str], kind: str) -> tuple[Fact, ...]:
    """Everything that limits it, in full. Nothing where nothing does."""
    words, facts = tuple(refused), []
    if byte_budget or request_budget:
        both = "whichever comes first" if byte_budget and request_budget else ""
        facts.append(Fact("At most", budgets_phrase(byte_budget, request_budget), both))
    if words:
        facts.append(Fact("Refused files", _listed(words), _NOT_HERE if kind in NAMELESS else ""))
    return tuple(facts)


def file_items(refused: Iterable[str], kind: str) -> tuple[ReasonItem, ...]:
    """What is said before sending."""
    words = tuple(refused)
    if not words:
        return ()
    names = [CLASSES[word].title for word in words if word in CLASSES]
    names += [word if names else f"Files such as {word}" for word in words if word not in CLASSES]
    title = f"{figures.joined(names)} are refused under this rule"
    if kind in NAMELESS:
        return (ReasonItem(title, _NOT_HERE, "", "shield"),)
    why = [_described(CLASSES[word]) for word in words if word in CLASSES]
    return (ReasonItem(title, ". ".join([*why, "Take safetensors instead"]), "up", "shield"),)


def _listed(words: tuple[str, ...]) -> str:
    """Classes first: they say why."""
    described = [_described(CLASSES[word]) for word in words if word in CLASSES]
    return "; ".join([*described, *(word for word in words if word not in CLASSES)])


def _described(one: FileClass) -> str:
    shown = ", ".join(f".{ending}" for ending in one.endings[:_ENDINGS_SHOWN])
    return f"{one.because} ({shown} and others)"
