"""From the fields of a request to the questions for the gate, where the fields alone tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.mlflow import names
from registry_proxy.protocols.mlflow.fields import read_object
from registry_proxy.protocols.mlflow.routes import Found, found_of, has_body
from registry_proxy.protocols.mlflow.table import ARCHIVES, STAGES, About
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import Classified, RefKind, Wanted

_MODEL_SOURCE = re.compile(r"models:/([^/@]+)/([^/@]+)")
_ALL_KINDS = "A copy takes all files along, and your grant refuses some kinds of them."
_LOGGED_SOURCE = re.compile(r"models:/(m-[0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Named:
    """What the fields name: questions that can be put at once, and ids whose place has to be learned first."""

    wanted: tuple[Wanted, ...] = ()
    runs: tuple[str, ...] = ()
    logged: tuple[str, ...] = ()


def found_in(asked: Asked) -> Found:
    """The route of a request."""
    return found_of(asked.head.target, asked.head.method)


def fields_of(asked: Asked, found: Found) -> Mapping[str, object]:
    """The fields of a request, of its query or its body. Raises Unclassified."""
    if has_body(asked.head.method, found.route):
        return read_object(asked.body or b"", found.route.fields)
    return dict(asked.classified.query)


def with_questions(classified: Classified, found: Found, fields: Mapping[str, object]) -> Classified:
    """The same request with the questions that its fields put. Raises Unclassified."""
    return asking(classified, named_in(classified.target, found, fields).wanted)


def note_source(asked: Asked, found: Found, fields: Mapping[str, object]) -> None:
    """Leave word for the record of what a new version was made of. Raises Unclassified.

    A copy of a version lets others read files that this grant's own rule keeps back.
    """
    if found.route.about is not About.NEW_VERSION:
        return
    source = str(fields.get("source", ""))
    if copied := _MODEL_SOURCE.fullmatch(source):
        if asked.admitted().view.refused_files:
            raise Unclassified(403, Reason.FILE_TYPE_REFUSED, _ALL_KINDS)
        asked.notes["copied_from"], asked.notes["copied_version"] = f"{names.MODELS}{copied[1]}", copied[2]
    else:
        asked.notes["registered_from"] = source


def looking(classified: Classified, found: Found, fields: Mapping[str, object]) -> Classified:
    """Every change begins with a look at its model. Which operation that look is, only the scope tells (`look_as`)."""
    asked = with_questions(classified, found, fields)
    return replace(asked, wanted=())


def look_as(asked: Asked) -> Classified:
    """Whoever may do anything with a model may see that it is there; who may not pull sees its name (`judging`)."""
    (look,) = named_in(asked.classified.target, found_in(asked), dict(asked.classified.query)).wanted
    resource = asked.admitted().view.scope.find(look.repository)
    held = resource.operations if resource is not None else frozenset[Operation]()
    operation = next((item for item in Operation if item in held), Operation.PULL)
    return asking(asked.classified, (_Model(look.target, look.repository, operation).asked(),))


def asking(classified: Classified, wanted: tuple[Wanted, ...]) -> Classified:
    """The same request with these questions."""
    return replace(classified, wanted=wanted, repository=wanted[0].repository if wanted else "")


def named_in(slug: str, found: Found, fields: Mapping[str, object]) -> Named:
    """What a request is about. Raises Unclassified."""
    route, get = found.route, fields.get
    match route.about:
        case About.EXPERIMENT:
            return Named((_experiment(slug, route.operation, get("experiment_id")),))
        case About.NEW_LOGGED:
            asked = _experiment(slug, route.operation, get("experiment_id"))
            return Named((asked,), _runs(fields, "source_run_id"))
        case About.RUN:
            runs = _runs(fields, "run_id", "run_uuid")
            if len(runs) != 1:
                raise _malformed("The request names no run, or two.")
            return Named((), runs, _logged(fields))
        case About.LOGGED:
            if get("model_id", found.tail) != found.tail:
                raise _malformed("The request names two models.")
            return Named((), (), (found.tail,))
        case About.SEARCH | About.EXPERIMENT_NAME:
            return Named()
        case _:
            return _about_model(slug, found, fields)


def _about_model(slug: str, found: Found, fields: Mapping[str, object]) -> Named:
    route = found.route
    one = _Model(slug, names.model_repository(fields.get("name")), route.operation)
    if route.about is About.NEW_VERSION:
        return _new_version(one, fields)
    if route.about is About.RENAME:  # whoever gives a model another's name must hold both
        other = _Model(slug, names.model_repository(fields.get("new_name")), route.operation)
        return Named((one.whole(), other.whole()))
    return Named(_questions(one, route.about, fields))


def _questions(one: _Model, about: About, fields: Mapping[str, object]) -> tuple[Wanted, ...]:
    if about is About.MODEL:
        return (one.asked(),)
    if about is About.ALIAS:
        return (_alias(one, fields),)
    if about is About.SET_ALIAS:
        # By name, both: whoever may move `champion` to any version could read any version.
        return (_alias(one, fields), one.asked(_version(fields), RefKind.TAG))
    if about is About.STAGE:
        # A stage is a name as an alias is. Archiving what stood there changes other versions: it takes the whole model.
        whole = (one.whole(),) if fields.get(ARCHIVES) else ()
        return (one.asked(_version(fields), RefKind.TAG), one.asked(_stage(fields), RefKind.TAG), *whole)
    if about is About.VERSION:
        # Whether a version is what an alias of the scope means only matters to readers.
        kind = RefKind.COMMIT if one.operation is Operation.PULL else RefKind.TAG
        return (one.asked(_version(fields), kind),)
    return (one.whole(),)


@dataclass(frozen=True, slots=True)
class _Model:
    slug: str
    repository: str
    operation: Operation

    def asked(self, reference: str = "", kind: RefKind = RefKind.NONE) -> Wanted:
        # Nothing is written by file, so who may only see some files may not write: None says so.
        file = "" if self.operation is Operation.PULL else None
        return Wanted(self.slug, self.repository, self.operation, reference, kind, file)

    def whole(self) -> Wanted:
        """A tag of no name is covered by a scope that names none, and by a pattern for all of them."""
        return self.asked("", RefKind.TAG)


def _new_version(one: _Model, fields: Mapping[str, object]) -> Named:
    """Whoever registers gives others to read what they name: they must be allowed to read it themselves."""
    source, run, logged = (str(fields.get(key, "")) for key in ("source", "run_id", "model_id"))
    if found := _LOGGED_SOURCE.fullmatch(source):
        if logged not in ("", found[1]):
            raise _malformed("The source is another logged model than the one that is named.")
        return Named((one.whole(),), _runs(fields, "run_id"), (found[1],))
    if found := _MODEL_SOURCE.fullmatch(source):
        names.word(found[2], names.VERSION, "the source's version")
        read = _Model(one.slug, names.model_repository(found[1]), Operation.PULL)
        # The server refuses run and model ids that are not those of the source.
        _check_ids(run, logged)
        # A copy takes all files along: None says that whoever may only see some of them may not make one.
        return Named((one.whole(), replace(read.asked(found[2], RefKind.COMMIT), file=None)))
    folder = names.folder_of(source).split("/")
    if logged and folder[1:] == ["models", logged, "artifacts"]:
        return Named((one.whole(),), _runs(fields, "run_id"), (names.word(logged, names.LOGGED, "model_id"),))
    raise Unclassified(
        403, Reason.MOUNT_SOURCE_NOT_GRANTED,
        "The gateway registers logged models (models:/m-…) and versions of models (models:/name/1), nothing else.",
    )  # fmt: skip


def _check_ids(run: str, logged: str) -> None:
    if (run and not names.RUN.fullmatch(run)) or (logged and not names.LOGGED.fullmatch(logged)):
        raise _malformed("run_id or model_id is not an id.")


def _experiment(slug: str, operation: Operation, identity: object) -> Wanted:
    return Wanted(slug, names.experiment_repository(identity), operation)


def _runs(fields: Mapping[str, object], *keys: str) -> tuple[str, ...]:
    """Distinct ids of runs. Clients of old and new say the same one under two names."""
    found = {names.word(fields[key], names.RUN, key) for key in keys if fields.get(key) not in (None, "")}
    return tuple(sorted(found))


def _logged(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Ids of logged models that metrics and outputs of a run are tied to."""
    found: set[object] = {fields.get("model_id")}
    for key in ("metrics", "models"):
        items = fields.get(key)
        found |= (
            {item.get("model_id") for item in items if isinstance(item, dict)} if isinstance(items, list) else set()
        )
    return tuple(sorted(names.word(item, names.LOGGED, "model_id") for item in found - {None, ""}))


def _alias(one: _Model, fields: Mapping[str, object]) -> Wanted:
    return one.asked(names.word(fields.get("alias"), names.ALIAS, "alias"), RefKind.TAG)


def _stage(fields: Mapping[str, object]) -> str:
    stage = fields.get("stage")
    if stage not in STAGES:
        raise _malformed("stage is missing.")
    return STAGES[str(stage)]


def _version(fields: Mapping[str, object]) -> str:
    return names.word(fields.get("version"), names.VERSION, "version")


def _malformed(sentence: str) -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, sentence)
