"""Hugging Face Hub: a file of a model, and what is asked before a commit."""

from __future__ import annotations

import json

from tests.conformance.profile import PASSWORD, Ask, Listing, Profile, bearer
from tests.support.raw import RawAnswer

_FILE = "/hf/hub/acme/tiny/resolve/main/model.safetensors"
_COMMIT = b"X-Repo-Commit: " + b"a" * 40
_ASKED = json.dumps({"files": [{"path": "a.json", "sample": "e30=", "size": 2}]}).encode()
_SAID = json.dumps(
    {"files": [{"path": "a.json", "uploadMode": "regular", "shouldIgnore": False, "oid": None}]}
).encode()
_JSON = ("Content-Type: application/json",)


def _reason_in(answer: RawAnswer) -> str:
    document = json.loads(answer.body)
    assert answer.headers[b"x-error-message"].decode() == document["error"]
    return str(document["reason"])


PROFILE = Profile(
    kind="hf", slug="hub", repository="models/acme/tiny",
    read=Ask("GET", _FILE), forwarded=b"GET /acme/tiny/resolve/main/model.safetensors HTTP/1.1", answered=(_COMMIT,),
    write=Ask("POST", "/hf/hub/api/models/acme/tiny/preupload/main", _ASKED, _JSON),
    written=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_SAID), _SAID),
    foreign=(
        Ask("GET", "/hf/hub/acme/frontier/resolve/main/model.safetensors"),
        Ask("GET", "/hf/hub/acme/tiny-2/resolve/main/model.safetensors"),
        Ask("GET", "/hf/hub/datasets/acme/tiny/resolve/main/model.safetensors"),
        Ask("GET", "/hf/hub/api/models/acme/frontier"), Ask("GET", "/hf/hub/api/models/acme/frontier/tree/main"),
    ),
    unknown=(
        Ask("GET", "/hf/hub/api/models"), Ask("GET", "/hf/hub/api/models?search=acme"),
        Ask("POST", "/hf/hub/api/repos/create", b"{}", _JSON), Ask("DELETE", "/hf/hub/api/repos/delete"),
        Ask("POST", "/hf/hub/api/repos/move", b"{}", _JSON), Ask("GET", "/hf/hub/api/settings/webhooks"),
        Ask("GET", "/hf/hub/api/models/acme/tiny/xet-read-token/main"),
        Ask("PUT", "/hf/hub/api/models/acme/tiny/settings", b"{}", _JSON),
        Ask("GET", "/hf/hub/acme/tiny.git/info/refs?service=git-upload-pack"),
    ),
    twins=(
        "/hf/hub/acme/tiny/raw/main/model.safetensors", "/hf/hub/acme/tiny/blob/main/model.safetensors",
        "/hf/hub/models/acme/tiny/resolve/main/model.safetensors", "/hf/hub/Acme/Tiny/resolve/main/model.safetensors",
        "/HF/hub/acme/tiny/resolve/main/model.safetensors", "/hub/acme/tiny/resolve/main/model.safetensors",
        "/hf/hub/api/models/acme/tiny/resolve/main/model.safetensors", f"{_FILE}?a=b", f"{_FILE}/",
        "/hf/hub/acme/tiny.git/resolve/main/model.safetensors", "/hf/hub/acme/tiny/resolve/main%2Fmodel.safetensors",
        "/hf/hub/api/resolve-cache/models/acme/tiny/main/model.safetensors",
    ),
    listing=Listing(
        Ask("GET", "/hf/hub/api/models/acme/tiny/tree/main"), json.dumps([{
            "type": "file", "path": "model.safetensors", "size": 9, "oid": "b" * 40, "xetHash": "c" * 64,
            "lfs": {"oid": "d" * 64, "size": 9, "pointerSize": 134},
        }]).encode(),
        b"model.safetensors", b"xet", (b"Content-Type: application/json",),
    ),
    inside=r"/acme/tiny/resolve/.+|/api/models/acme/tiny([/?].*)?|/acme/tiny\.git/info/lfs/objects/(batch|verify)",
    pickle=_FILE.replace(".safetensors", ".pkl"), streams=False, show=bearer, reason_in=_reason_in, follows=True,
    shows_credential=lambda head: f"\r\nauthorization: Bearer {PASSWORD}\r\n".encode() in head,
)  # fmt: skip
