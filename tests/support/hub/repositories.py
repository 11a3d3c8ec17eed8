"""What a hub keeps: commits that never change, refs that move, large files by their digest."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field


@dataclass
class HubRepository:
    """Commits hold the content of every file, large ones too; `large` says which digests were uploaded."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[str, str] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False
    settings: dict[str, object] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()  # noqa: S324 - an id
        self.commits[sha] = files
        return sha

    def resolve(self, revision: str) -> str:
        names = {**self.branches, **self.tags, **self.pulls, **{sha: sha for sha in self.commits}}
        return names.get(revision, "")


@dataclass
class Seen:
    """One request that reached the hub, or a store that it points to."""

    who: str
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Hub:
    """A hub, and how it behaves."""

    repositories: dict[str, HubRepository] = field(default_factory=dict)  # models/Org/Name
    pattern: str = "direct"  # direct | relative | store
    has_xet: bool = True
    page: int = 1000
    large_from: int = 100_000  # bytes from which a file is uploaded to the store
    part_bytes: int = 0  # when set, uploads go in parts of this size
    seen: list[Seen] = field(default_factory=list)
    base_url: str = ""
    store_url: str = ""
    elsewhere: str = ""  # Location of every resolve, when set
    list_elsewhere: str = ""  # where lists go on, when set
    upload_elsewhere: str = ""  # place of every upload, when set
    hold: threading.Event | None = None  # when set, large bodies stop in the middle until it is
    halves: int = 0  # how many have stopped there
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def forget_seen(self) -> None:
        self.seen.clear()

    def seen_at(self, who: str) -> list[Seen]:
        return [item for item in self.seen if item.who == who]
