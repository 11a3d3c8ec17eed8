"""Addresses of requests and approvals."""

from __future__ import annotations

from django.urls import path

from jit_access.api import away, bundles, comments, offers, on_call, requests, tickets

urlpatterns = [
    path("requests", requests.RequestsView.as_view(), name="requests"),
    path("requests/preview", requests.PreviewView.as_view(), name="request-preview"),
    path("requests/<str:public_id>", requests.RequestView.as_view(), name="request"),
    path("requests/<str:public_id>/withdraw", requests.WithdrawView.as_view(), name="request-withdraw"),
    path("requests/<str:public_id>/offer", offers.OfferView.as_view(), name="request-offer"),
    path("requests/<str:public_id>/approve", requests.ApproveView.as_view(), name="request-approve"),
    path("requests/<str:public_id>/deny", requests.DenyView.as_view(), name="request-deny"),
    path("requests/<str:public_id>/comments", comments.CommentsView.as_view(), name="request-comments"),
    path("requests/<str:public_id>/timeline", comments.TimelineView.as_view(), name="request-timeline"),
    path("me/delegations", away.DelegationsView.as_view(), name="delegations"),
    path("me/delegations/<str:public_id>", away.DelegationView.as_view(), name="delegation"),
    path("me/absences", away.AbsencesView.as_view(), name="absences"),
    path("me/absences/<str:public_id>", away.AbsenceView.as_view(), name="absence"),
    path("bundles", bundles.BundlesView.as_view(), name="bundles"),
    path("bundles/<str:public_id>", bundles.BundleView.as_view(), name="bundle"),
    path("on-call/<str:schedule>", on_call.OnCallView.as_view(), name="on-call"),
    path("tickets/<str:ticket>/closed", tickets.TicketClosedView.as_view(), name="ticket-closed"),
    path("tickets/<str:ticket>/opened", tickets.TicketOpenedView.as_view(), name="ticket-opened"),
    path("approvals", requests.ApprovalsView.as_view(), name="approvals"),
]
