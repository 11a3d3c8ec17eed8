"""What happens elsewhere in the house, as rows of ours. Runs inside the transaction of the change."""

from __future__ import annotations

from jit_access.access_requests.changes import Change
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.people import step_states
from jit_access.domain.lifecycle import RequestState
from jit_access.notifications.models import Alert
from jit_access.notifications.routes import Route, routes_of
from jit_access.notifications.slack_links import slack_ids_of
from jit_access.slack.app import SlackApp, configured_app
from jit_access.slack.models import Card
from jit_access.slack.outbox import leave_note, redraw_cards, want_card


def follow_request(request: AccessRequest, change: Change) -> None:
    """Handler of `access_requests.changes`."""
    app = configured_app()
    if app is None:
        return
    routes = routes_of(request.target)
    redraw_cards(request)
    if request.state == RequestState.PENDING:
        # Each time anew: the people of the next stage are asked only when their turn comes.
        for place in _first_places(app, request, routes.first):
            want_card(request, place)
    if change is Change.ESCALATED:
        for place in _places(app, routes.escalation):
            want_card(request, place)
    if change in {Change.REMINDED, Change.ESCALATED}:
        _remind(request)


def follow_alert(alert: Alert) -> None:
    """Handler of `notifications.alerts`: what is loud goes to the security channel."""
    app = configured_app()
    if app is not None and app.security_channel:
        leave_note(
            app.security_channel,
            subject=alert.subject,
            text=alert.text,
            path=alert.path,
            dedupe_key=f"alert:{alert.public_id}",
        )


def _first_places(app: SlackApp, request: AccessRequest, route: Route) -> list[str]:
    """Where the operators want it; else to each linked person who may answer. Nobody is asked: nowhere."""
    asked = [state for state in step_states(request) if state.is_now and state.open]
    if not asked:
        return []
    if not route.is_empty:
        return _places(app, route)
    people = {person.pk for state in asked for person in state.people}
    return sorted(slack_ids_of(list(people), app.team_id).values())


def _places(app: SlackApp, route: Route) -> list[str]:
    linked = slack_ids_of([person.pk for person in route.people], app.team_id)
    return [*route.channels, *sorted(linked.values())]


def _remind(request: AccessRequest) -> None:
    """Under each card, so that it is seen without being said twice."""
    for card in Card.objects.filter(request=request, given_up_at=None).exclude(ts=""):
        leave_note(
            card.place,
            subject=f"Still waits: answer by {request.answer_by:%H:%M} UTC.",
            under=card,
            dedupe_key=f"reminder:{card.public_id}:{card.wanted}",
        )
