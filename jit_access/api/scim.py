"""SCIM 2.0 for a company's directory (RFC 7643, 7644): users and groups, behind the directory's own bearer token.

Plain views: the protocol has its own media type, its own errors and its own ideas of PATCH. No session, no cookie.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from jit_access.api.scim_resources import describe_group, describe_user
from jit_access.api.scim_static import DOCUMENTS
from jit_access.audit.outside import record_outside_refusal
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.domain.tally import Tally
from jit_access.mfa.services import client_address
from jit_access.provisioning import groups, people
from jit_access.provisioning.directories import find_by_token
from jit_access.provisioning.errors import ScimError
from jit_access.provisioning.filters import flag_term, parse_filter, text_term
from jit_access.provisioning.models import ProvisionedGroup, Provisioner
from jit_access.provisioning.shapes import read_person, read_person_patch

CONTENT_TYPE: Final = "application/scim+json"
MAX_BODY_BYTES: Final = 1024 * 1024
MAX_PAGE: Final = 200
A_MINUTE: Final = 1200  # requests of one directory, in this process
_BAD_TOKENS_A_MINUTE: Final = 60
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ETAG = re.compile(r'W/"(\d{1,9})"')
_asked = Tally()

Answer = tuple[int, dict[str, Any] | None]
View = Callable[..., Answer]

_USER_TERMS = {
    "username": text_term("user__username", fold=str.casefold),
    "externalid": text_term("external_id", is_exact=True),
    "id": text_term("user__public_id", is_exact=True),
    "displayname": text_term("user__display_name"),
    "emails.value": text_term("user__email"),
    "emails": text_term("user__email"),
    "active": flag_term("user__is_active"),
}
_GROUP_TERMS = {
    "displayname": text_term("display_name"),
    "externalid": text_term("external_id", is_exact=True),
    "id": text_term("public_id", is_exact=True),
}


def for_directories(*methods: str) -> Callable[[View], Callable[..., HttpResponse]]:
    """Let only directories in, each to what is its own, and answer everything as SCIM does."""

    def decorate(view: View) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
            try:
                directory = _who(request)
                if request.method not in methods:
                    raise ScimError(405, "This method is not allowed here.")
                status, body = view(request, directory, **kwargs)
            except ScimError as error:
                status, body = error.status, _describe_error(error)
            except GatewayError as error:
                status, body = 400, _describe_error(ScimError(400, error.sentence, "invalidValue"))
            except (DatabaseError, InterfaceError):
                status, body = 503, _describe_error(ScimError(503, "The gateway's database does not answer."))
            return _respond(request, status, body, methods)

        return guarded

    return decorate


@for_directories("GET", "POST")
def users(request: HttpRequest, directory: Provisioner) -> Answer:
    """List and add people."""
    if request.method == "POST":
        return 201, describe_user(people.add_person(directory, read_person(_body(request))))
    return 200, _page(request, people.people_of(directory), _USER_TERMS, describe_user)


@for_directories("GET", "PUT", "PATCH", "DELETE")
def user(request: HttpRequest, directory: Provisioner, public_id: str) -> Answer:
    """One person."""
    if request.method == "GET":
        return 200, describe_user(people.get_person(directory, public_id))
    expected = _expected(request)
    if request.method == "DELETE":
        people.remove_person(directory, public_id, expected=expected)
        return 204, None
    read = read_person if request.method == "PUT" else read_person_patch
    facts = read(_body(request))
    if request.method == "PUT":  # what is left out of a whole resource is empty; who is active stays as they are
        facts = {"external_id": "", "email": "", "title": "", "manager": "", **facts}
    return 200, describe_user(people.change_person(directory, public_id, facts, expected=expected))


@for_directories("GET", "POST")
def all_groups(request: HttpRequest, directory: Provisioner) -> Answer:
    """List and add groups."""
    if request.method == "POST":
        return 201, describe_group(groups.add_group(directory, _body(request)), has_members=True)
    has_members = "members" not in request.GET.get("excludedAttributes", "")
    return 200, _page(
        request,
        groups.groups_of_directory(directory),
        _GROUP_TERMS,
        lambda row: describe_group(row, has_members=has_members),
    )


@for_directories("GET", "PUT", "PATCH", "DELETE")
def one_group(request: HttpRequest, directory: Provisioner, public_id: str) -> Answer:
    """One group."""
    has_members = "members" not in request.GET.get("excludedAttributes", "")
    if request.method == "GET":
        return 200, describe_group(groups.get_group(directory, public_id), has_members=has_members)
    expected = _expected(request)
    if request.method == "DELETE":
        groups.remove_group(directory, public_id, expected=expected)
        return 204, None
    change = groups.replace_group if request.method == "PUT" else groups.patch_group
    row: ProvisionedGroup = change(directory, public_id, _body(request), expected=expected)
    return 200, describe_group(row, has_members=has_members)


@for_directories("GET")
def document(_request: HttpRequest, _directory: Provisioner, name: str, one: str = "") -> Answer:
    """What this server can do: ServiceProviderConfig, ResourceTypes, Schemas."""
    found = DOCUMENTS.get(name)
    if isinstance(found, list):
        if one:
            found = next((item for item in found if one in {item.get("id"), item.get("name")}), None)
        else:
            found = _listed(found, len(found), 1)
    if found is None:
        raise ScimError(404, "There is nothing here.")
    return 200, found


@for_directories("GET", "POST", "PUT", "PATCH", "DELETE")
def nothing(_request: HttpRequest, _directory: Provisioner, rest: str = "") -> Answer:
    """Every other address."""
    raise ScimError(404, f"There is nothing at {rest[:60]}.")


def _who(request: HttpRequest) -> Provisioner:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    directory = find_by_token(text.strip()) if scheme.lower() == "bearer" else None
    if directory is None:
        count = record_outside_refusal(
            actor=NOBODY, kind="directory.refused", reason=Reason.TOKEN_UNKNOWN, address=client_address(request)
        )
        limited = count > _BAD_TOKENS_A_MINUTE
        raise ScimError(429, "Too many requests.") if limited else ScimError(401, "This token is not known here.")
    if _asked.add(directory.slug, now=time.monotonic()) > A_MINUTE:
        raise ScimError(429, "Too many requests. Wait a little.")
    return directory


def _body(request: HttpRequest) -> dict[str, Any]:
    kind = (request.content_type or "").lower()
    if kind not in {CONTENT_TYPE, "application/json"}:
        raise ScimError(415, f"Send {CONTENT_TYPE}.")
    raw = request.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise ScimError(413, "The body is larger than is taken here.")
    try:
        found = json.loads(raw, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as exc:
        raise ScimError(400, "The body is not readable JSON.", "invalidSyntax") from exc
    if not isinstance(found, dict):
        raise ScimError(400, "The body is an object.", "invalidSyntax")
    return found


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    if any("\x00" in text for pair in pairs for text in pair if isinstance(text, str)):
        raise ValueError("a zero byte in a text")
    return found


def _page(
    request: HttpRequest,
    rows: QuerySet[Any],
    terms: dict[str, Any],
    describe: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    text = request.GET.get("filter", "")
    found = rows.filter(parse_filter(text, terms) if text else Q())
    start = max(1, _number(request, "startIndex", 1))
    count = min(MAX_PAGE, max(0, _number(request, "count", 100)))
    shown = [describe(row) for row in found[start - 1 : start - 1 + count]]
    return _listed(shown, found.count(), start)


def _listed(shown: list[dict[str, Any]], total: int, start: int) -> dict[str, Any]:
    return {
        "schemas": [_LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(shown),
        "Resources": shown,
    }


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, str(default))
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise ScimError(400, f"{name} is a whole number.", "invalidValue")
    return int(text)


def _expected(request: HttpRequest) -> int | None:
    text = request.headers.get("If-Match", "")
    if not text or text == "*":
        return None
    match = _ETAG.fullmatch(text)
    return int(match[1]) if match else -1


def _respond(request: HttpRequest, status: int, body: dict[str, Any] | None, methods: tuple[str, ...]) -> HttpResponse:
    meta = body.get("meta", {}) if body else {}
    if status == 200 and request.method == "GET" and meta.get("version") == request.headers.get("If-None-Match", ""):
        status, body = 304, None
    response = HttpResponse(json.dumps(body) if body is not None else b"", status=status, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    if "version" in meta:
        response["ETag"] = meta["version"]
    if status == 201:
        response["Location"] = meta["location"]
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if status == 405:
        response["Allow"] = ", ".join(methods)
    if status in {429, 503}:
        response["Retry-After"] = "5"
    return response


def _describe_error(error: ScimError) -> dict[str, Any]:
    kind = {"scimType": error.scim_type} if error.scim_type else {}
    return {"schemas": [_ERROR], "status": str(error.status), "detail": error.sentence, **kind}
