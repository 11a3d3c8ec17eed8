"""The wire of the demo registry: Python's threading HTTP server, HTTP/1.1 with keep-alive, Basic or no login."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jit_access.demo.registry.routes import Route, route_of
from jit_access.demo.registry.store import DigestMismatch, Store

_PIECE_BYTES = 256 * 1024
_MANIFEST_BYTES = 4 * 1024 * 1024
_INDEX = "application/vnd.oci.image.index.v1+json"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class DemoRegistry(ThreadingHTTPServer):
    """One store, one login. `login` is `user:password`, or empty for an open registry."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, folder: Path, login: str = "") -> None:
        self.store = Store(folder)
        self.expected = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: DemoRegistry

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the base class's
        """Silent: a demo's log would only hide the gateway's."""

    def _serve(self) -> None:
        self._body_left = int(self.headers.get("Content-Length") or 0)
        self._is_chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if self.server.expected and not hmac.compare_digest(
            self.headers.get("Authorization", ""), self.server.expected
        ):
            self.close_connection = True  # an unread body may follow
            self._refuse(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="demo-registry"'})
            return
        route = route_of(self.path)
        verb = "get" if self.command == "HEAD" else self.command.lower()
        action = getattr(self, f"_{verb}_{route.kind}", None) if route else None
        if route is None or action is None:
            self._refuse(HTTPStatus.NOT_FOUND if route is None else HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED")
            return
        action(route)

    # The base class looks these names up.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815  # http.server's names

    def _get_ping(self, _route: Route) -> None:
        self._send(HTTPStatus.OK, b"{}", {"Docker-Distribution-Api-Version": "registry/2.0"})

    def _get_catalog(self, route: Route) -> None:
        self._send_page("repositories", self.server.store.repositories(), route, {})

    def _get_tags(self, route: Route) -> None:
        tags = self.server.store.tags(route.name)
        if not tags and route.name not in self.server.store.repositories():
            self._refuse(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN")
            return
        self._send_page("tags", tags, route, {"name": route.name})

    def _get_referrers(self, route: Route) -> None:
        found = self.server.store.referrers(route.name, route.last)
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": found}
        self._send(HTTPStatus.OK, json.dumps(index).encode(), {"Content-Type": _INDEX})

    def _get_manifest(self, route: Route) -> None:
        found = self.server.store.manifest(route.name, route.last)
        if found is None:
            self._refuse(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN")
            return
        digest, media_type, body = found
        self._send(HTTPStatus.OK, body, {"Content-Type": media_type, "Docker-Content-Digest": digest})

    def _put_manifest(self, route: Route) -> None:
        body = b"".join(self._pieces(_MANIFEST_BYTES))
        media_type = self.headers.get("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        try:
            subject = json.loads(body).get("subject", {}).get("digest", "")
            digest = self.server.store.put_manifest(route.name, route.last, media_type, body)
        except (ValueError, AttributeError):
            self._refuse(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID")
        except DigestMismatch:
            self._refuse(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID")
        else:
            headers = {"Location": f"/v2/{route.name}/manifests/{digest}", "Docker-Content-Digest": digest}
            self._send(HTTPStatus.CREATED, b"", headers | ({"OCI-Subject": subject} if subject else {}))

    def _delete_manifest(self, route: Route) -> None:
        self._removed(self.server.store.remove_manifest(route.name, route.last), "MANIFEST_UNKNOWN")

    def _get_blob(self, route: Route) -> None:
        path = self.server.store.blob(route.name, route.last)
        if path is None:
            self._refuse(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN")
            return
        size = path.stat().st_size
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2] or size - 1), size - 1) if asked else size - 1
        if asked and first > last:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "SIZE_INVALID")
            return
        self.send_response(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        for name, value in {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}.items():
            self.send_header(name, value)
        self.send_header("Docker-Content-Digest", route.last)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if self.command != "HEAD":
            self._copy(path, first, last - first + 1)

    def _delete_blob(self, route: Route) -> None:
        self._removed(self.server.store.remove_blob(route.name, route.last), "BLOB_UNKNOWN")

    def _post_upload(self, route: Route) -> None:
        store = self.server.store
        mount, source = route.query.get("mount"), route.query.get("from")
        if mount and source and store.blob(source, mount) is not None:
            store.link_blob(route.name, mount)
            self._created(route.name, mount)
            return
        upload = store.begin_upload()
        if "digest" in route.query:
            store.append(upload, self._pieces)
            self._finish(route, upload)
            return
        self._accepted(route.name, upload, 0)

    def _patch_upload(self, route: Route) -> None:
        size = self.server.store.upload_size(route.last)
        begins = self.headers.get("Content-Range", "").partition("-")[0]
        if size is None:
            self._refuse(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN")
        elif begins and begins != str(size):
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID")
        else:
            self._accepted(route.name, route.last, self.server.store.append(route.last, self._pieces))

    def _put_upload(self, route: Route) -> None:
        if self.server.store.upload_size(route.last) is None or "digest" not in route.query:
            self._refuse(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN")
            return
        self.server.store.append(route.last, self._pieces)
        self._finish(route, route.last)

    def _get_upload(self, route: Route) -> None:
        size = self.server.store.upload_size(route.last)
        if size is None:
            self._refuse(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN")
            return
        self._accepted(route.name, route.last, size, HTTPStatus.NO_CONTENT)

    def _delete_upload(self, route: Route) -> None:
        self.server.store.drop_upload(route.last)
        self._send(HTTPStatus.NO_CONTENT, b"", {})

    def _finish(self, route: Route, upload: str) -> None:
        digest = route.query["digest"]
        try:
            self.server.store.finish_upload(route.name, upload, digest)
        except DigestMismatch:
            self._refuse(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID")
        else:
            self._created(route.name, digest)

    def _created(self, name: str, digest: str) -> None:
        headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
        self._send(HTTPStatus.CREATED, b"", headers)

    def _accepted(self, name: str, upload: str, size: int, status: HTTPStatus = HTTPStatus.ACCEPTED) -> None:
        location = f"/v2/{name}/blobs/uploads/{upload}"
        headers = {"Location": location, "Docker-Upload-UUID": upload, "Range": f"0-{max(size - 1, 0)}"}
        self._send(status, b"", headers)

    def _removed(self, was_there: bool, code: str) -> None:
        if was_there:
            self._send(HTTPStatus.ACCEPTED, b"", {})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, code)

    def _send_page(self, key: str, items: list[str], route: Route, more: dict[str, str]) -> None:
        rest = [item for item in items if item > route.query.get("last", "")]
        count = int(route.query["n"]) if route.query.get("n", "").isdecimal() else len(rest)
        page = rest[:count]
        headers = {}
        if page and len(page) < len(rest):
            path = self.path.partition("?")[0]
            headers["Link"] = f'<{path}?n={count}&last={page[-1]}>; rel="next"'
        self._send(HTTPStatus.OK, json.dumps({**more, key: page}).encode(), headers)

    def _refuse(self, status: HTTPStatus, code: str, headers: dict[str, str] | None = None) -> None:
        if self.command not in {"GET", "HEAD"}:
            self.close_connection = True  # a body that nobody read may follow
        error = {"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}
        self._send(status, json.dumps(error).encode(), headers or {})

    def _send(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _copy(self, path: Path, offset: int, count: int) -> None:
        with path.open("rb") as file:
            file.seek(offset)
            while count and (piece := file.read(min(_PIECE_BYTES, count))):
                self.wfile.write(piece)
                count -= len(piece)

    def _pieces(self, limit: int | None = None) -> Iterator[bytes]:
        """The body, however it is framed. Stops past `limit`, which makes the rest fail to parse."""
        seen = 0
        for piece in self._chunks() if self._is_chunked else self._counted():
            seen += len(piece)
            if limit is not None and seen > limit:
                self.close_connection = True
                return
            yield piece

    def _counted(self) -> Iterator[bytes]:
        while self._body_left and (piece := self.rfile.read(min(_PIECE_BYTES, self._body_left))):
            self._body_left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline(8)
        while self.rfile.readline(4096).strip():
            pass
