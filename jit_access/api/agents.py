"""Service accounts over the API: make, describe, suspend, resume, retire, hand over."""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts import access, selectors, services
from jit_access.accounts.models import AgentHandover, User
from jit_access.accounts.services.agents import PURPOSE_CHARS, AgentOrder
from jit_access.accounts.services.handovers import NOTE_CHARS
from jit_access.api.agents_outputs import AgentDetailOutput, AgentOutput, describe_agent, describe_agent_row
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse
from jit_access.api.target_owners import require_fresh_by
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import AUDITORS, SECURITY
from jit_access.mfa.assurance import signed_in_user

WHOSE = ("mine", "offered", "others")
WHOSE_PARAMETER = OpenApiParameter(
    "whose", OpenApiTypes.STR, enum=list(WHOSE), description="mine when not said; others: for security and auditors."
)


class AgentInput(CodeInput):
    name = serializers.CharField(max_length=40, help_text="3 to 40 small letters, digits and -. It stays.")
    display_name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    purpose = serializers.CharField(min_length=PURPOSE_CHARS[0], max_length=PURPOSE_CHARS[1])
    groups = serializers.ListField(
        child=serializers.CharField(max_length=150),
        max_length=50,
        required=False,
        default=list,
        help_text="Some of your own; never a protected one.",
    )


class AgentChangeInput(CodeInput):
    display_name = serializers.CharField(max_length=120, required=False)
    purpose = serializers.CharField(min_length=PURPOSE_CHARS[0], max_length=PURPOSE_CHARS[1], required=False)
    groups = serializers.ListField(child=serializers.CharField(max_length=150), max_length=50, required=False)


class AgentNoteInput(CodeInput):
    note = serializers.CharField(max_length=NOTE_CHARS, required=False, allow_blank=True, default="")


class AgentOfferInput(AgentNoteInput):
    to = serializers.CharField(max_length=150, help_text="A user name.")


class NoInput(StrictSerializer):
    pass


class AgentsView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=AgentOutput(many=True), parameters=[WHOSE_PARAMETER], operation_id="agent_list")
    def get(self, request: Request) -> Response:
        """Service accounts that you answer for, that you are asked to answer for, or all others; newest first."""
        actor = signed_in_user(request)
        whose = request.query_params.get("whose", "mine")
        if whose not in WHOSE:
            raise CallerError(Reason.INVALID_INPUT, "There is no such list.", field="whose")
        if not actor.is_person or (whose == "others" and not selectors.is_in(actor, SECURITY, AUDITORS)):
            raise NotFound
        rows = selectors.accounts_of(actor)
        if whose == "offered":
            ids = selectors.offers_to(actor, now=clock.now()).values("agent")
            rows = User.objects.filter(pk__in=ids)
        elif whose == "others":
            rows = selectors.agents_of_others(actor)
        return self.page(request, rows.order_by().select_related("owner"), describe_agent_row)

    @extend_schema(request=AgentInput, responses={201: AgentDetailOutput}, operation_id="agent_make")
    def post(self, request: Request) -> Response:
        """A service account of your own. Asks for a fresh second factor."""
        actor = signed_in_user(request)
        services.check_may_make(actor=actor)
        given = parse(AgentInput, request)
        require_fresh_by(request, given["code"])
        order = AgentOrder(
            given["name"], given["purpose"], given["display_name"] or given["name"], frozenset(given["groups"])
        )
        agent = services.make_agent(actor=actor, order=order)
        return Response(describe_agent(actor, agent, clock.now()), status=status.HTTP_201_CREATED)


class AgentView(Endpoint):
    @extend_schema(responses=AgentDetailOutput, operation_id="agent_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One service account."""
        actor = signed_in_user(request)
        return Response(describe_agent(actor, access.see_agent(actor, public_id), clock.now()))

    @extend_schema(request=AgentChangeInput, responses=AgentDetailOutput, operation_id="agent_change")
    def patch(self, request: Request, public_id: str) -> Response:
        """Another shown name, purpose or groups; what is not said stays. Asks for a fresh second factor."""
        actor = signed_in_user(request)
        agent = access.get_agent(actor, public_id)
        given = parse(AgentChangeInput, request)
        require_fresh_by(request, given["code"])
        changed = services.describe_agent(
            actor=actor,
            agent=agent,
            display_name=given.get("display_name", agent.display_name),
            purpose=given.get("purpose", agent.purpose),
            groups=given.get("groups", sorted(selectors.groups_of(agent))),
        )
        return Response(describe_agent(actor, changed, clock.now()))


class _Act(Endpoint):
    """One thing that an owner does to an agent of theirs, after a fresh second factor."""

    def act(self, request: Request, public_id: str, do: Callable[[User, User, str], object]) -> Response:
        actor = signed_in_user(request)
        agent = access.get_agent(actor, public_id)
        given = parse(AgentNoteInput, request)
        require_fresh_by(request, given["code"])
        do(actor, agent, given["note"])
        return Response(describe_agent(actor, access.get_agent(actor, public_id), clock.now()))


class AgentSuspendView(_Act):
    @extend_schema(request=AgentNoteInput, responses=AgentDetailOutput, operation_id="agent_suspend")
    def post(self, request: Request, public_id: str) -> Response:
        """Stop it: its grants end, its tokens wait. A repeat changes nothing."""
        return self.act(
            request, public_id, lambda who, agent, note: services.suspend_agent(actor=who, agent=agent, note=note)
        )


class AgentResumeView(_Act):
    @extend_schema(request=AgentNoteInput, responses=AgentDetailOutput, operation_id="agent_resume")
    def post(self, request: Request, public_id: str) -> Response:
        """Take it up again. What ended stays ended."""
        return self.act(request, public_id, lambda who, agent, _: services.resume_agent(actor=who, agent=agent))


class AgentRetireView(_Act):
    @extend_schema(request=AgentNoteInput, responses=AgentDetailOutput, operation_id="agent_retire")
    def post(self, request: Request, public_id: str) -> Response:
        """End it for good."""
        return self.act(request, public_id, lambda who, agent, _: services.retire_agent(actor=who, agent=agent))


class AgentOfferView(Endpoint):
    @extend_schema(request=AgentOfferInput, responses=AgentDetailOutput, operation_id="agent_offer")
    def post(self, request: Request, public_id: str) -> Response:
        """Ask somebody to answer for it; security may while nobody does. Nothing changes until they accept."""
        actor = signed_in_user(request)
        agent = access.see_agent(actor, public_id)
        if not services.may_offer(actor, agent):
            raise NotFound
        given = parse(AgentOfferInput, request)
        require_fresh_by(request, given["code"])
        to = selectors.find_by_name(given["to"])
        services.offer_agent(actor=actor, agent=agent, to=to, note=given["note"])
        return Response(describe_agent(actor, agent, clock.now()))


class AgentAcceptView(Endpoint):
    @extend_schema(request=CodeInput, responses=AgentDetailOutput, operation_id="agent_accept")
    def post(self, request: Request, public_id: str) -> Response:
        """Answer for it from now on. Its API tokens and grants end."""
        actor, offer = _offered(request, public_id)
        given = parse(CodeInput, request)
        require_fresh_by(request, given["code"])
        agent = services.accept_agent(actor=actor, offer=offer)
        return Response(describe_agent(actor, agent, clock.now()))


class AgentDeclineView(Endpoint):
    @extend_schema(request=NoInput, responses={204: None}, operation_id="agent_decline")
    def post(self, request: Request, public_id: str) -> Response:
        """Say no to what you are asked. Whoever asked is told."""
        actor, offer = _offered(request, public_id)
        parse(NoInput, request)
        services.decline_agent(actor=actor, offer=offer)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AgentWithdrawView(Endpoint):
    @extend_schema(request=NoInput, responses={204: None}, operation_id="agent_offer_withdraw")
    def post(self, request: Request, public_id: str) -> Response:
        """Take an offer back."""
        actor, offer = _offered(request, public_id)
        parse(NoInput, request)
        services.withdraw_offer(actor=actor, offer=offer)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _offered(request: Request, public_id: str) -> tuple[User, AgentHandover]:
    actor = signed_in_user(request)
    return actor, access.get_offer(actor, access.see_agent(actor, public_id))
