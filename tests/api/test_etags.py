"""ETags of what has states: 304 for what is known, 412 for what moved, and the UPDATE has the last word."""

from __future__ import annotations

import pytest

from jit_access.access_requests import services
from jit_access.access_requests.models import AccessRequest
from jit_access.api import stateful
from jit_access.core.expectations import expecting
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from tests.api.caller import ROOT, Caller, wish
from tests.api.walking import operations, resolve
from tests.support.lifecycles import World, make_world

pytestmark = pytest.mark.django_db

# An account's state is made of several columns, and whoever stops one means it whatever else changed.
NO_LIFECYCLE = {"agent_show"}


@pytest.fixture
def world(cast) -> World:
    return make_world(cast)


def get(caller: Caller, path: str, **headers: str):
    return caller.client.get(ROOT + path, headers=caller.headers | headers)


def post(caller: Caller, path: str, body: dict[str, object] | None = None, **headers: str):
    return caller.client.post(ROOT + path, body or {}, "application/json", headers=caller.headers | headers)


def test_what_is_known_is_not_sent_again(world: World) -> None:
    ada, ben = Caller(world.cast.ada), Caller(world.cast.ben)
    path = f"/requests/{ada.post('/requests', wish()).json()['id']}"
    first = get(ada, path)
    assert first["ETag"].startswith('"v1.')
    for asked in (first["ETag"], f"W/{first['ETag']}", f'"x", {first["ETag"]}', "*"):
        known = get(ada, path, **{"If-None-Match": asked})
        assert (known.status_code, known.content, known["ETag"]) == (304, b"", first["ETag"])
    assert get(ada, path, **{"If-None-Match": '"v1.0000000000000000"'}).status_code == 200
    # Not moved, and yet another content: a 304 would hide it.
    ben.post(f"{path}/comments", {"text": "Why?"})
    ada.post(f"{path}/withdraw")
    assert get(ada, path, **{"If-None-Match": first["ETag"]}).json()["state"] == "withdrawn"


def test_a_move_counts_from_the_version_that_was_seen(world: World) -> None:
    ada, ben = Caller(world.cast.ada), Caller(world.cast.ben)
    made = ada.post("/requests", wish()).json()
    path, seen = f"/requests/{made['id']}", get(ada, f"/requests/{made['id']}")["ETag"]
    ben.post(f"{path}/approve", {"payload_hash": made["payload_hash"]})
    grant = f"/grants/{get(ada, path).json()['grant']}"
    late = post(ada, f"{path}/withdraw", **{"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "version-changed")
    held = get(ada, grant)["ETag"]
    assert post(ada, f"{grant}/activate", **{"If-Match": held}).json()["state"] == "active"
    refused = post(ada, f"{grant}/end", **{"If-Match": held})
    assert (refused.status_code, get(ada, grant).json()["state"]) == (412, "active")
    newest = f'"nothing", {get(ada, grant)["ETag"]}'
    assert post(ada, f"{grant}/end", **{"If-Match": newest}).status_code == 200
    assert post(ada, f"{grant}/end", **{"If-Match": "*"}).status_code == 200


def test_a_weak_tag_never_matches_a_move(world: World) -> None:
    ada = Caller(world.cast.ada)
    path = f"/requests/{ada.post('/requests', wish()).json()['id']}"
    assert post(ada, f"{path}/withdraw", **{"If-Match": f"W/{get(ada, path)['ETag']}"}).status_code == 412
    assert post(ada, f"{path}/withdraw", **{"If-Match": "v1"}).status_code == 400
    assert post(ada, f"{path}/withdraw", **{"If-Match": get(ada, path)["ETag"]}).status_code == 200


def test_between_the_look_and_the_move_the_update_decides(world: World) -> None:
    """Somebody moves the row after it was looked at and before the service loads it."""
    Caller(world.cast.ada).post("/requests", wish())
    seen = AccessRequest.objects.get()
    AccessRequest.objects.update(version=5)
    with expecting(seen), pytest.raises(Conflict) as refused:
        services.withdraw_request(actor=world.cast.ada, request=AccessRequest.objects.get())
    assert refused.value.reason is Reason.VERSION_CHANGED
    assert AccessRequest.objects.get().state == RequestState.PENDING
    with expecting(AccessRequest.objects.get()):
        services.withdraw_request(actor=world.cast.ada, request=AccessRequest.objects.get())


def test_somebody_elses_object_tells_nothing(world: World) -> None:
    path = f"/requests/{Caller(world.cast.ada).post('/requests', wish()).json()['id']}"
    for tag in ('"v1.x"', '"v9.x"', "*"):
        assert post(Caller(world.cast.cleo), f"{path}/withdraw", **{"If-Match": tag}).status_code == 404


def test_where_there_is_no_tag_a_match_is_not_passed_over(world: World) -> None:
    body = {"text": "x"}
    refused = post(Caller(world.cast.ada), "/requests", wish(), **{"If-Match": '"v1"'})
    assert refused.status_code == 400, body


def test_every_object_with_a_state_is_in_the_table() -> None:
    for one in operations():
        if one.method != "get" or not one.path.endswith("}"):
            continue
        fields = one.answer().get("properties", {})
        if "state" not in fields or one.name in NO_LIFECYCLE:
            continue
        told = f"{one.name}: show `version` and add its address to jit_access/api/stateful.py"
        assert "version" in fields, told
        assert resolve(fields["version"])["type"] == "integer", told
        route = one.path.removeprefix(f"{ROOT}/").replace("{", "<str:").replace("}", ">")
        assert route in stateful.LOADERS, told
