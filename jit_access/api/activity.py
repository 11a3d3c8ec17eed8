"""Activity over the API: who did what with which blob, how many bytes, under which grant, and how it ended."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.access import viewer_of
from jit_access.api.activity_outputs import (
    ActivityOutput,
    LogStateOutput,
    ProofOutput,
    RecordOutput,
    describe_proof,
    describe_record,
    describe_row,
    describe_state,
)
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.audit import access, selectors
from jit_access.audit.filters import NAMES, parse_filters
from jit_access.audit.proofs import prove_record
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import signed_in_user

_PAGING = ("cursor", "page_size")
_INSTANTS = ("since", "until")
FILTERS = [OpenApiParameter(name, OpenApiTypes.DATETIME if name in _INSTANTS else OpenApiTypes.STR) for name in NAMES]


class ActivityView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=ActivityOutput(many=True), parameters=FILTERS, operation_id="activity_list")
    def get(self, request: Request) -> Response:
        """What happened, newest first. Security and auditors see all; everybody else what is theirs."""
        if repeated := [name for name, values in request.query_params.lists() if len(values) > 1]:
            raise CallerError(Reason.INVALID_INPUT, f"{repeated[0][:40]!r} is given twice.")
        asked = {name: str(value) for name, value in request.query_params.items() if name not in _PAGING}
        heads = selectors.find_activity(viewer_of(signed_in_user(request)), parse_filters(asked))
        pages = self.pagination_class()
        page = pages.paginate_queryset(heads, request, view=self) or []
        return pages.get_paginated_response([describe_row(row) for row in selectors.build_rows(page)])


class ActivityRecordView(Endpoint):
    @extend_schema(responses=RecordOutput, operation_id="activity_show")
    def get(self, request: Request, record_id: str) -> Response:
        """One record with the very text that is hashed."""
        return Response(describe_record(access.get_record(viewer_of(signed_in_user(request)), record_id)))


class ActivityProofView(Endpoint):
    @extend_schema(responses=ProofOutput, operation_id="activity_prove")
    def get(self, request: Request, record_id: str) -> Response:
        """That the record stands in the signed log. Reads the whole tree, so it is for security and auditors."""
        viewer = viewer_of(signed_in_user(request))
        if not viewer.can_see_all:
            raise NotFound
        return Response(describe_proof(prove_record(record_id)))


class LogView(Endpoint):
    @extend_schema(responses=LogStateOutput, operation_id="activity_log")
    def get(self, request: Request) -> Response:
        """The log's signed head and newest checkpoint, for whoever wants to hold us to it."""
        signed_in_user(request)
        return Response(describe_state(selectors.read_log_state()))
