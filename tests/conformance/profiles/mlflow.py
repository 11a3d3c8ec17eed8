"""MLflow: a file of a version whose folder the grant was told before, and a model's description."""

from __future__ import annotations

import base64
import json

from tests.conformance.profile import PASSWORD, USERNAME, Ask, Listing, Profile, bearer
from tests.support.raw import RawAnswer

_FOLDER = f"7/models/m-{'1' * 32}/artifacts"
_FILES = "/mlflow/tracking/api/2.0/mlflow-artifacts/artifacts"
_FILE = f"{_FILES}/{_FOLDER}/model.safetensors"
_API = "/mlflow/tracking/api/2.0/mlflow"
_BASIC = b"\r\nauthorization: Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()) + b"\r\n"
_SAID = json.dumps({"registered_model": {"name": "tiny", "description": "new"}}).encode()
_JSON = ("Content-Type: application/json",)


def _reason_in(answer: RawAnswer) -> str:
    document = json.loads(answer.body)
    assert document["error_code"].isupper()
    assert document["message"]
    return str(document["reason"])


PROFILE = Profile(
    kind="mlflow", slug="tracking", repository="models/tiny",
    read=Ask("GET", _FILE),
    forwarded=f"GET /api/2.0/mlflow-artifacts/artifacts/{_FOLDER}/model.safetensors HTTP/1.1".encode(), answered=(),
    allows=2, pins={"files/3": _FOLDER},
    write=Ask("PATCH", f"{_API}/registered-models/update", b'{"name":"tiny","description":"new"}', _JSON),
    written=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_SAID), _SAID),
    foreign=(
        Ask("GET", f"{_API}/registered-models/get?name=frontier"),
        Ask("GET", f"{_API}/registered-models/get?name=tiny-2"),
        Ask("GET", f"{_API}/model-versions/get?name=frontier&version=1"),
        Ask("GET", f"{_API}/experiments/get?experiment_id=7"),
        Ask("POST", f"{_API}/registered-models/create", b'{"name":"frontier"}', _JSON),
    ),
    unknown=(
        Ask("GET", "/mlflow/tracking/graphql"), Ask("POST", "/mlflow/tracking/graphql", b"{}", _JSON),
        Ask("GET", "/mlflow/tracking/metrics"), Ask("GET", "/mlflow/tracking/"), Ask("GET", f"{_API}/webhooks/list"),
        Ask("GET", f"{_API}/traces"), Ask("POST", f"{_API}/experiments/search", b"{}", _JSON),
        Ask("POST", f"{_API}/gateway-proxy", b"{}", _JSON), Ask("GET", f"{_API}/jobs/1"),
        Ask("POST", f"{_API}/experiments/create", b'{"name":"x","artifact_location":"file:///"}', _JSON),
        Ask("DELETE", _FILE),
    ),
    twins=(
        _FILE.replace("/api/2.0/", "/ajax-api/2.0/"), _FILE.replace("/api/2.0/", "/api/3.0/"),
        _FILE.replace("/api/2.0/", "/api/2.0/preview/"), _FILE.replace("/mlflow/", "/MLFLOW/", 1),
        _FILE.replace("/mlflow/", "/", 1), f"/mlflow/tracking/get-artifact?path={_FOLDER}/model.safetensors",
        "/mlflow/tracking/model-versions/get-artifact?name=tiny&version=3&path=model.safetensors",
        f"{_FILE}?a=b", f"{_FILE}/",
        _FILE.replace("artifacts/7", "artifacts//7"), _FILE.replace("artifacts/7", "Artifacts/7"),
    ),
    listing=Listing(
        Ask("GET", f"{_API}/registered-models/search?max_results=10"),
        json.dumps({"registered_models": [{"name": "tiny"}, {"name": "frontier"}]}).encode(), b"tiny", b"frontier",
        (b"Content-Type: application/json",),
    ),
    inside=rf"{_FILES.removeprefix('/mlflow/tracking')}/{_FOLDER}(/.*)?|/api/2\.0/mlflow/[a-z-]+/[a-z-]+\?(.*&)?name=tiny(&.*)?"
    r"|/api/2\.0/mlflow/registered-models/(search\?.*|update)|/version",
    pickle=_FILE.replace(".safetensors", ".pkl"), streams=False,
    show=bearer, reason_in=_reason_in, shows_credential=lambda head: _BASIC in head,
)  # fmt: skip
