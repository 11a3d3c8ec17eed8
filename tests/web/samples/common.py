"""Who and what the samples are about, and the parts that several pages share."""

from __future__ import annotations

from jit_access.web.viewmodels import my_access, shell
from jit_access.web.viewmodels.parts import Badge, Command, Confirm, Person, Resource

NOW_ISO = "2026-11-23T13:55:50.000000Z"


LLAMA = Resource("prod-registry", "llm/llama-70b-ft")


TINY = Resource("demo-registry", "llm/tiny-llama")


MIXTRAL = Resource("prod-registry", "llm/mixtral-8x22b-sft")


ADA = Person("Ada Okafor", "AO", "Research")


WAITING = Badge("Waiting", "clock", "wait")


def make_shell(current: str = "My access", *, name: str = "Ada Okafor", count: int = 0) -> shell.Shell:
    def link(label: str, href: str, icon: str, key: str = "", count: int = 0) -> shell.NavLink:
        return shell.NavLink(label, href, icon, key, label == current, count)

    groups = [
        shell.NavGroup(
            "Work",
            (link("My access", "/access", "grid", "a"), link("Request access", "/requests/new", "plus", "r")),
        )
    ]
    if count:
        groups.append(shell.NavGroup("Decide", (link("Approvals", "/approvals", "inbox", "p", count),)))
    groups.append(shell.NavGroup("Watch", (link("Activity", "/activity", "list", "y"),)))
    if count:
        groups.append(shell.NavGroup("Run", (link("Targets", "/targets", "target", "t"),)))
    initials = "".join(word[0] for word in name.split())
    return shell.Shell(
        tuple(groups),
        Person(name, initials),
        "usr_sample",
        shell.Assurance("Second factor fresh. Authenticator app, 13:52 UTC, good until 14:07.", is_fresh=True),
    )


def client_tabs() -> tuple[my_access.ClientTab, ...]:
    return (
        my_access.ClientTab("skopeo", "?client=skopeo", True),
        my_access.ClientTab("oras", "?client=oras", False),
        my_access.ClientTab("docker", "?client=docker", False),
    )


LOGIN = Command(("skopeo", "login", "--username", "ada", "gw.acme.example"))


def end_confirm(grant_id: str, resource: Resource) -> Confirm:
    return Confirm(
        id=f"end-{grant_id}",
        title=f"End your pull on {resource.name}?",
        effect="What is running stops at once. To go on you would have to ask again.",
        verb="End my pull",
        keep="Keep it",
        post_href=f"/access/{grant_id}/end",
        back_href="/access",
    )
