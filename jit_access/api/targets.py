"""Targets and the catalogue over the API. Parse, call one service, describe."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.catalogue import by_name, search
from jit_access.access_requests.knowing import known_to
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import ByName, InOrder
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse, prove_by
from jit_access.api.targets_outputs import (
    CatalogueOutput,
    DiscoveryOutput,
    RepositoryOutput,
    TargetDetailOutput,
    TargetOutput,
    count_deciders,
    describe_managed,
    describe_operation,
    describe_repositories,
    describe_target,
)
from jit_access.core.secret import Secret
from jit_access.domain.operations import Operation, Tier, operations_of
from jit_access.mfa.assurance import require_fresh, signed_in_user
from jit_access.policies.questions import Assurance, Proof, Question, Resource, subject_of
from jit_access.policies.services import decide_each
from jit_access.targets import access, discovery, services
from jit_access.targets.addressing import MAX_ORIGINS, NewTarget
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.targets.tiers import weights_of

FACTOR_MAX_AGE_S = 900  # whoever can point the gateway at a registry can point it at their own
_SEARCH = OpenApiParameter("q", OpenApiTypes.STR, description="Words of a target, repository or description.")
# The list shows what could be asked once the factor is proved, for the shortest sensible time.
_ASSUMED_PROOF = Proof(Assurance.SECOND_FACTOR, 0)
_ASSUMED_LASTS_S = 60


_MAY_GET_THE_CREDENTIAL = "Token services on other hosts that may get the credential: scheme://host[:port] each."
_NEVER_GETS_IT = "Stores to which redirects may lead, without the credential: scheme://host[:port] each."


class Origins(serializers.ListField):
    """Texts that `targets.addressing` makes canonical or refuses."""

    def __init__(self, says: str, *, required: bool = True) -> None:
        child = serializers.CharField(max_length=300)
        super().__init__(child=child, max_length=MAX_ORIGINS, required=required, help_text=says)


class TargetInput(CodeInput):
    slug = serializers.CharField(max_length=63)
    display_name = serializers.CharField(max_length=120)
    base_url = serializers.CharField(max_length=300)
    username = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    password = serializers.CharField(
        max_length=4096, required=False, allow_blank=True, default="", trim_whitespace=False, write_only=True
    )
    allow_private = serializers.BooleanField(required=False, default=False)
    token_origins = Origins(_MAY_GET_THE_CREDENTIAL, required=False)
    redirect_origins = Origins(_NEVER_GETS_IT, required=False)
    kind = serializers.ChoiceField(choices=TargetKind.values, required=False, default=TargetKind.OCI.value)


class OriginsInput(CodeInput):
    token_origins = Origins(_MAY_GET_THE_CREDENTIAL)
    redirect_origins = Origins(_NEVER_GETS_IT)


class CredentialInput(CodeInput):
    username = serializers.CharField(max_length=200, allow_blank=True)
    password = serializers.CharField(max_length=4096, allow_blank=True, trim_whitespace=False, write_only=True)


class NameInput(CodeInput):
    name = serializers.CharField(max_length=200)
    tier = serializers.ChoiceField(choices=[tier.value for tier in Tier])


class RepositoryInput(CodeInput):
    tier = serializers.ChoiceField(choices=[tier.value for tier in Tier], required=False)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)


class TargetsView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=TargetOutput(many=True), operation_id="target_list")
    def get(self, request: Request) -> Response:
        """The registries of which you may know something."""
        return self.page(request, list(known_to(signed_in_user(request)).targets()), describe_target)

    @extend_schema(request=TargetInput, responses={201: TargetDetailOutput}, operation_id="target_add")
    def post(self, request: Request) -> Response:
        """Add a registry. It must answer and take the credential, else nothing is kept. For operators."""
        actor = signed_in_user(request)
        access.require_operator(actor)
        given = parse(TargetInput, request)
        _prove(request, given["code"])
        new = NewTarget(
            slug=given["slug"],
            display_name=given["display_name"],
            base_url=given["base_url"],
            username=given["username"],
            password=Secret(given["password"]),
            allow_private=given["allow_private"],
            token_origins=tuple(given.get("token_origins", ())),
            redirect_origins=tuple(given.get("redirect_origins", ())),
            kind=given["kind"],
        )
        return _detail(actor, services.add_target(actor=actor, new=new), status.HTTP_201_CREATED)


class TargetView(Endpoint):
    @extend_schema(responses=TargetDetailOutput, operation_id="target_show")
    def get(self, request: Request, slug: str) -> Response:
        """One registry. Operators also see its address."""
        actor = signed_in_user(request)
        return _detail(actor, known_to(actor).get_target(slug))

    @extend_schema(
        request=CodeInput, responses={204: OpenApiResponse(description="Removed.")}, operation_id="target_remove"
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Remove a registry that no request or grant names. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        _prove(request, parse(CodeInput, request)["code"])
        services.remove_target(actor=actor, target=target)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RepositoriesView(Endpoint):
    pagination_class = ByName

    @extend_schema(responses=RepositoryOutput(many=True), operation_id="target_repositories")
    def get(self, request: Request, slug: str) -> Response:
        """What you may know of a registry, by name. Operators also see what is no longer listed there."""
        actor = signed_in_user(request)
        known = known_to(actor)
        rows = known.repositories().filter(target=known.get_target(slug))
        rows = by_name(rows if access.is_operator(actor) else rows.filter(gone_at=None))
        pages = self.pagination_class()
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response(describe_repositories(page))

    @extend_schema(request=NameInput, responses={201: RepositoryOutput}, operation_id="target_repository_name")
    def post(self, request: Request, slug: str) -> Response:
        """Name a repository that is still to be made, so that people can ask to make it. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        given = parse(NameInput, request)
        _prove(request, given["code"])
        named = services.name_repository(actor=actor, target=target, name=given["name"], tier=Tier(given["tier"]))
        return Response(describe_repositories([named])[0], status=status.HTTP_201_CREATED)


class CredentialView(Endpoint):
    @extend_schema(request=CredentialInput, responses=TargetDetailOutput, operation_id="target_credential")
    def put(self, request: Request, slug: str) -> Response:
        """Replace the gateway's credential by one that the registry takes. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        given = parse(CredentialInput, request)
        _prove(request, given["code"])
        secret = Secret(given["password"])
        held = services.update_credential(actor=actor, target=target, username=given["username"], password=secret)
        return _detail(actor, held)


class OriginsView(Endpoint):
    @extend_schema(request=OriginsInput, responses=TargetDetailOutput, operation_id="target_origins")
    def put(self, request: Request, slug: str) -> Response:
        """Say which other places a registry may send the gateway to. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        given = parse(OriginsInput, request)
        _prove(request, given["code"])
        held = services.name_origins(
            actor=actor,
            target=target,
            token_origins=given["token_origins"],
            redirect_origins=given["redirect_origins"],
        )
        return _detail(actor, held)


class CheckView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=TargetDetailOutput, operation_id="target_check")
    def post(self, request: Request, slug: str) -> Response:
        """Try the registry now. Its answer is the status: 502 says what it did. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        parse(StrictSerializer, request)
        return _detail(actor, services.check_target(actor=actor, target=target))


class DiscoverView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=DiscoveryOutput, operation_id="target_discover")
    def post(self, request: Request, slug: str) -> Response:
        """Read what the registry holds; what is new counts as critical. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        parse(StrictSerializer, request)
        return Response(asdict(discovery.discover_repositories(actor=actor, target=target)))


class RepositoryView(Endpoint):
    @extend_schema(request=RepositoryInput, responses=RepositoryOutput, operation_id="repository_change")
    def patch(self, request: Request, public_id: str) -> Response:
        """Set the tier or the description of a repository. For operators."""
        actor = signed_in_user(request)
        repository = access.get_managed_repository(actor, public_id)
        given = parse(RepositoryInput, request)
        _prove(request, given["code"])
        if "tier" in given:
            repository = services.set_tier(actor=actor, repository=repository, tier=Tier(given["tier"]))
        if "description" in given:
            repository = services.describe_repository(
                actor=actor, repository=repository, description=given["description"]
            )
        return Response(describe_repositories([repository])[0])


class CatalogueView(Endpoint):
    pagination_class = ByName

    @extend_schema(responses=CatalogueOutput(many=True), parameters=[_SEARCH], operation_id="catalogue")
    def get(self, request: Request) -> Response:
        """What you may know, what policy lets you ask for, and who would decide. The nearest to `q` come first."""
        actor = signed_in_user(request)
        pages = self.pagination_class()
        rows = search(known_to(actor).repositories(), request.query_params.get("q", ""))
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response(_with_answers(actor, page))


def _with_answers(actor: User, page: list[Repository]) -> list[dict[str, object]]:
    subject = subject_of(actor)
    proof = _ASSUMED_PROOF if actor.is_person else Proof()
    weights = weights_of(page)
    resources = {row.pk: Resource(row.target.slug, row.name, weights[row.pk].tier) for row in page}
    questions = [
        Question(subject, operation, resources[row.pk], _ASSUMED_LASTS_S, proof=proof)
        for row in page
        for operation in Operation
        if operation in operations_of(row.target.kind, row.name)
    ]
    answers = decide_each(questions)
    wanted = sorted({approval.group for answer in answers for approval in answer.approvals})
    available = {target.slug: count_deciders(wanted, actor, target) for target in {row.target for row in page}}
    told: dict[Resource, list[dict[str, object]]] = {}
    for question, answer in zip(questions, answers, strict=True):
        said = describe_operation(Operation(question.operation), answer, available[question.resource.target])
        told.setdefault(question.resource, []).append(said)
    return [
        {**described, "operations": told[resources[row.pk]]}
        for row, described in zip(page, describe_repositories(page), strict=True)
    ]


def _detail(actor: User, target: Target, code: int = status.HTTP_200_OK) -> Response:
    managed = describe_managed(target) if access.is_operator(actor) else None
    return Response({**describe_target(target), "managed": managed}, status=code)


def _prove(request: Request, code: str) -> None:
    """A code in the body proves the factor for this call; without one, the session's must be fresh."""
    if code:
        prove_by(request, code)
    else:
        require_fresh(request, FACTOR_MAX_AGE_S)
