"""The hub's own addresses: files, metadata, and the way in for new commits."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.hub.http import TOKEN, HubRequest
from tests.support.hub.repositories import HubRepository

_XET = "a" * 64


class HubServer(HubRequest):
    """Everything needs the hub's own token."""

    who = "hub"

    def answer(self) -> None:
        is_signed = "/complete?X-Signature=secret" in self.path  # as the real one: no token is sent there
        if not is_signed and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.fail(401, "RepoNotFound")
            return
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query)
        segments = [unquote(item) for item in parts.path.split("/")[1:]]
        if segments == ["api", "whoami-v2"]:
            self.say_json({"type": "user", "name": "gateway", "orgs": [{"name": "Org"}]})
        elif len(segments) == 2:
            self._all_of(segments[1])
        elif segments[:2] == ["api", "resolve-cache"]:
            self._file("/".join(segments[2:5]), segments[5], "/".join(segments[6:]), is_cache=True)
        elif segments[:2] == ["api", "repos"]:
            self._about_repositories(segments[2])
        elif segments[0] == "api":
            self._api("/".join(segments[1:4]), segments[4:])
        elif ".git" in self.path:
            self._large(segments)
        else:
            at = segments.index("resolve")
            self._file(_name(segments[:at]), segments[at + 1], "/".join(segments[at + 2 :]))

    def _find(self, name: str, revision: str) -> tuple[HubRepository, str] | None:
        repo = self.hub.repositories.get(name)
        if repo is None:
            self.fail(404, "RepoNotFound")
        elif repo.gated:
            self.fail(403, "GatedRepo")
        elif not repo.resolve(revision):
            self.fail(404, "RevisionNotFound")
        else:
            return repo, repo.resolve(revision)
        return None

    # -- files

    def _file(self, name: str, revision: str, path: str, *, is_cache: bool = False) -> None:
        hub, found = self.hub, self._find(name, revision)
        if found is None:
            return
        repo, sha = found
        data = repo.commits[sha].get(path)
        if data is None:
            self.say(404, b"{}", X_Error_Code="EntryNotFound", X_Repo_Commit=sha)
            return
        digest = hashlib.sha256(data).hexdigest()
        about = {"X_Repo_Commit": sha, "ETag": f'"{digest}"'}
        if hub.has_xet:
            way = f"/api/{name}/xet-read-token/{sha}"
            about |= {"X_Xet_Hash": _XET, "X_Xet_Refresh_Route": way, "Link": f'<{hub.base_url}{way}>; rel="xet-auth"'}
        linked = {"X_Linked_Size": str(len(data)), "X_Linked_ETag": f'"{digest}"'}
        if hub.elsewhere and not is_cache:
            self.say(302, **about, **linked, Location=hub.elsewhere)
        elif hub.pattern == "relative" and not is_cache:
            self.say(307, X_Repo_Commit=sha, Location=f"/api/resolve-cache/{name}/{sha}/{quote(path)}")
        elif hub.pattern == "store":
            there = f"{hub.store_url}/{quote(name, safe='')}/{sha}/{quote(path, safe='')}?X-Signature=secret"
            self.say(302, **about, **linked, Location=there)
        else:
            self.say(200, data, **about)

    # -- metadata

    def _all_of(self, kind: str) -> None:
        """In pages, by owner."""
        owner, begin = self.query.get("author", [""])[0], int(self.query.get("cursor", ["0"])[0])
        names = [name.partition("/")[2] for name in self.hub.repositories if name.startswith(f"{kind}/{owner}")]
        end, more = begin + self.hub.page, {}
        if end < len(names):
            url = self.hub.list_elsewhere or f"{self.hub.base_url}/api/{kind}?author={owner}&cursor={end}"
            more = {"Link": f'<{url}>; rel="next"'}
        self.say_json([{"id": name} for name in names[begin:end]], **more)

    def _api(self, name: str, rest: list[str]) -> None:
        word, revision = (*rest, "revision", "main")[:2] if len(rest) != 1 else (rest[0], "main")
        routes = {"revision": self._info, "refs": self._refs, "tree": self._tree, "paths-info": self._paths,
                  "preupload": self._preupload, "commit": self._commit,
                  "settings": self._settings, "duplicate": self._duplicate}  # fmt: skip
        found = self._find(name, revision)
        if found is not None and word in routes:
            routes[word](name, revision, *found)
        elif found is not None:
            self.fail(404, "EntryNotFound")

    def _info(self, name: str, _revision: str, repo: HubRepository, sha: str) -> None:
        siblings = [{"rfilename": item, "xetHash": _XET} for item in sorted(repo.commits[sha])]
        about = {"private": True, "tags": [], "downloads": 0, "cardData": {"license": "mit"},
                 "usedStorage": sum(map(len, repo.commits[sha].values()))}  # fmt: skip
        self.say_json({"id": name.partition("/")[2], "sha": sha, "siblings": siblings, **about})

    def _refs(self, _name: str, _revision: str, repo: HubRepository, _sha: str) -> None:
        def told(refs: dict[str, str], at: str) -> list[dict[str, str]]:
            return [{"name": key, "ref": at + key, "targetCommit": value} for key, value in refs.items()]

        listed = {"branches": told(repo.branches, "refs/heads/"), "tags": told(repo.tags, "refs/tags/"), "converts": []}
        self.say_json(listed | {"pullRequests": told(repo.pulls, "")})

    def _tree(self, _name: str, _revision: str, repo: HubRepository, sha: str) -> None:
        files, begin = sorted(repo.commits[sha]), int(self.query.get("cursor", ["0"])[0])
        end, more = begin + self.hub.page, {}
        if end < len(files):
            url = f"{self.hub.base_url}{urlsplit(self.path).path}?recursive=true&cursor={end}"
            more = {"Link": f'<{url}>; rel="next"'}
        self.say_json([self._entry(repo, sha, item) for item in files[begin:end]], **more)

    def _paths(self, _name: str, _revision: str, repo: HubRepository, sha: str) -> None:
        asked = parse_qs(self.body.decode())["paths"]
        self.say_json([self._entry(repo, sha, item) for item in asked if item in repo.commits[sha]])

    def _entry(self, repo: HubRepository, sha: str, path: str) -> dict[str, object]:
        data = repo.commits[sha][path]
        hint = {"xetHash": _XET} if self.hub.has_xet else {}
        return {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest(), **hint}  # noqa: S324

    # -- repositories themselves

    def _about_repositories(self, word: str) -> None:
        asked, repositories = json.loads(self.body), self.hub.repositories
        if word == "move":
            old, new = (f"{asked['type']}s/{asked[key]}" for key in ("fromRepo", "toRepo"))
            repositories[new] = repositories.pop(old)
            self.say_json({})
            return
        name = f"{asked.get('type', 'model')}s/{asked['organization']}/{asked['name']}"
        if word == "delete":
            if repositories.pop(name, None) is None:
                self.fail(404, "RepoNotFound")
            else:
                self.say(200, b"OK")
        elif name in repositories:
            body = {"error": "You already created this", "url": f"{self.hub.base_url}/{name}"}
            self.say(409, json.dumps(body).encode(), Content_Type="application/json")
        else:
            repositories[name] = HubRepository(settings={key: asked[key] for key in asked if key == "visibility"})
            repositories[name].branches["main"] = repositories[name].commit({})
            self.say_json({"url": f"{self.hub.base_url}/{name}", "name": asked["name"], "id": name})

    def _settings(self, _name: str, _revision: str, repo: HubRepository, _sha: str) -> None:
        repo.settings |= json.loads(self.body)
        self.say_json(repo.settings)

    def _duplicate(self, name: str, _revision: str, repo: HubRepository, sha: str) -> None:
        asked = json.loads(self.body)
        to = f"{name.partition('/')[0]}/{asked['repository']}"
        made = self.hub.repositories[to] = HubRepository()
        made.branches["main"] = made.commit(dict(repo.commits[sha]))
        self.say_json({"url": f"{self.hub.base_url}/{to}", "filesCopyPending": True})

    # -- writes

    def _preupload(self, _name: str, _revision: str, _repo: HubRepository, _sha: str) -> None:
        files = json.loads(self.body)["files"]
        self.say_json({"files": [
            {"path": item["path"], "shouldIgnore": False,
             "uploadMode": "lfs" if item["size"] >= self.hub.large_from else "regular"} for item in files
        ]})  # fmt: skip

    def _commit(self, name: str, revision: str, repo: HubRepository, sha: str) -> None:
        files = dict(repo.commits[sha])
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in repo.large:
                        self.fail(400, "")
                        return
                    files[value["path"]] = repo.large[value["oid"]]
                case "deletedFile":
                    files.pop(value["path"])
                case "deletedFolder":
                    files = {path: data for path, data in files.items() if not path.startswith(value["path"])}
        made, answer = repo.commit(files), {}
        if self.query.get("create_pr"):
            number = len(repo.pulls) + 1
            repo.pulls[f"refs/pr/{number}"] = made
            answer = {"pullRequestUrl": f"{self.hub.base_url}/{name.partition('/')[2]}/discussions/{number}"}
        else:
            repo.branches[revision] = made
        url = f"{self.hub.base_url}/{name.partition('/')[2]}/commit/{made}"
        self.say_json({"success": True, "commitOid": made, "commitUrl": url, **answer})

    def _large(self, segments: list[str]) -> None:
        at = next(index for index, word in enumerate(segments) if word.endswith(".git"))
        name = _name([*segments[:at], segments[at].removesuffix(".git")])
        repo, asked = self.hub.repositories[name], json.loads(self.body)
        if segments[-1] == "verify":
            is_there = len(repo.large.get(asked["oid"], b"")) == asked["size"]
            self.say(200 if is_there else 404, b"{}")
            return
        if segments[-1] == "complete":
            parts = self.hub.parts.pop(asked["oid"])
            repo.large[asked["oid"]] = b"".join(parts[number] for number in sorted(parts))
            self.say(200, b"{}")
            return
        self.say_json({"transfer": "basic", "objects": [self._actions(name, repo, item) for item in asked["objects"]]})

    def _actions(self, name: str, repo: HubRepository, item: dict[str, object]) -> dict[str, object]:
        oid, size = str(item["oid"]), int(str(item["size"]))
        if oid in repo.large:
            return {"oid": oid, "size": size}
        store = self.hub.upload_elsewhere or f"{self.hub.store_url}/{quote(name, safe='')}"
        git, part = f"{self.hub.base_url}/{name.removeprefix('models/')}.git/info/lfs/objects", self.hub.part_bytes
        verify = {"href": f"{git}/verify"}
        if not part:
            upload: dict[str, object] = {"href": f"{store}/{oid}?X-Signature=secret"}
        else:
            count = -(-size // part)
            urls = {str(number): f"{store}/{oid}?part={number}&X-Signature=secret" for number in range(1, count + 1)}
            upload = {"href": f"{git}/complete?X-Signature=secret", "header": {"chunk_size": str(part), **urls}}
        return {"oid": oid, "size": size, "authenticated": True, "actions": {"upload": upload, "verify": verify}}


def _name(segments: list[str]) -> str:
    return "/".join(segments if segments[0] in ("datasets", "spaces") else ["models", *segments])
