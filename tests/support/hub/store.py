"""Where the hub keeps large files: another origin, open to whoever holds a signed address."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.hub.http import HubRequest


class HubStore(HubRequest):
    """Takes and gives bytes by signed address alone."""

    who = "store"

    def answer(self) -> None:
        parts = urlsplit(self.path)
        query, place = parse_qs(parts.query), [unquote(item) for item in parts.path.split("/")[1:]]
        if query.get("X-Signature") != ["secret"]:
            self.say(403)
        elif self.command == "PUT":
            self._take(place[0], place[1], query)
        else:
            self.say(200, self.hub.repositories[place[0]].commits[place[1]][place[2]], ETag='"of-the-store"')

    def _take(self, name: str, oid: str, query: dict[str, list[str]]) -> None:
        if "part" in query:
            self.hub.parts.setdefault(oid, {})[int(query["part"][0])] = self.body
            self.say(200, ETag=f'"{hashlib.md5(self.body).hexdigest()}"')  # noqa: S324 - as stores do
        elif hashlib.sha256(self.body).hexdigest() != oid:
            self.say(400)
        else:
            self.hub.repositories[name].large[oid] = self.body
            self.say(200, ETag='"etag"')
