"""Addresses of reviews of access."""

from __future__ import annotations

from django.urls import path

from jit_access.api import reviews

urlpatterns = [
    path("reviews", reviews.ReviewsView.as_view(), name="reviews"),
    path("reviews/items/<str:public_id>/decide", reviews.DecideView.as_view(), name="review-decide"),
    path("reviews/<str:public_id>", reviews.ReviewView.as_view(), name="review"),
    path("reviews/<str:public_id>/evidence", reviews.EvidenceView.as_view(), name="review-evidence"),
]
