"""An agent inside its envelope with two real proxy processes: its part of the day ends, and the message names it."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.flows.test_first_pull import SlowPull, big_layer  # noqa: F401  # a fixture
from tests.support import stories
from tests.support.processes import wait_for
from tests.support.stack import Stack
from tests.support.visitor import Visitor

MIB = 1024 * 1024
Visit = Callable[[str], Visitor]


class Agent:
    """ci-bot with an API token of its own; nobody sits in front of it."""

    def __init__(self, stack: Stack, ada: Visitor) -> None:
        ada.open("/agents")
        found = re.search(r'href="(/agents/(usr_[a-z2-7]+))"[^>]*>\s*ci-bot', ada.page.text)
        assert found, ada.page.text
        self.page, self.id = found[1], found[2]
        ada.open(f"{self.page}/tokens/new")
        ada.submit("/tokens/new", name="flow")
        token = re.search(r"jita_[a-z]+_\w+", ada.page.text)
        assert token, ada.page.text
        headers = {"Authorization": f"Bearer {token[0]}"}
        self.api = httpx.Client(base_url=f"{stack.web}/api/v1", headers=headers, timeout=60, trust_env=False)

    def ask(self, lasts_s: int = 600) -> httpx.Response:
        resources = [{"repository": stories.MODEL, "operations": ["pull"]}]
        wish = {"target": "demo-registry", "resources": resources, "lasts_s": lasts_s, "purpose": "Nightly"}
        return self.api.post("/requests", json=wish)

    def start(self, grant_id: str) -> stories.Started:
        started = self.api.post(f"/grants/{grant_id}/activate", json={})
        assert started.status_code == 200, started.text
        issued = self.api.post(f"/grants/{grant_id}/tokens", json={})
        assert issued.status_code == 201, issued.text
        return stories.Started(grant_id, issued.json()["token"])


@pytest.fixture
def agent(stack: Stack, visit: Visit) -> Iterator[Agent]:
    made = Agent(stack, visit("ada"))
    yield made
    made.api.close()


def envelope_by_pages(visit: Visit, agent: Agent, *, each: str, day: str) -> str:
    """Ada proposes, Ben signs; returns its id."""
    ada, ben = visit("ada"), visit("ben")
    ada.open(f"/envelopes/new?agent={agent.id}")
    ada.submit(
        "/envelopes/new",
        name="flow",
        agent=agent.id,
        resources=f"demo-registry/{stories.MODEL}",
        because="The flow reads it",
        operations=["pull"],
        days=[str(number) for number in range(7)],
        bytes_per_grant=each,
        bytes_per_day=day,
    )
    found = re.search(r"/envelopes/(env_[a-z2-7]+)", str(ada.page.url))
    assert found, ada.page.text
    ben.open(f"/envelopes/{found[1]}")
    ben.submit("/sign", answer="approve")
    assert "In force" in ben.page.text, ben.page.text
    return found[1]


def test_parts_of_a_day_hold_over_both_proxies(
    stack: Stack, visit: Visit, agent: Agent, big_layer: tuple[str, int]  # noqa: F811
) -> None:  # fmt: skip
    digest, size = big_layer
    envelope = envelope_by_pages(visit, agent, each="24 MiB", day="50 MiB")
    granted = [agent.ask(), agent.ask()]
    assert [one.json()["envelope"]["id"] for one in granted] == [envelope, envelope]
    third = agent.ask()
    assert (third.status_code, [one["field"] for one in third.json()["outside"]]) == (202, ["bytes_per_day"])
    held = [agent.start(one.json()["grant"]) for one in granted]

    pulls = [SlowPull(stack, one, digest) for one in held for _ in range(3)]  # over both processes
    for running in pulls:
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            running.read_to_the_end()
        assert running.received < size
        running.close()

    address = f"{stack.layout.gateway_url}/v2/demo-registry/{stories.MODEL}/blobs/{digest}"

    def told(one: stories.Started) -> str:
        answer = httpx.get(address, auth=("ci-bot", one.token))
        return answer.text if answer.status_code == httpx.codes.FORBIDDEN else ""

    for one in held:
        wait_for(lambda one=one: bool(told(one)), "nothing more is let through")
        assert f"the part of envelope {envelope}" in told(one)

    def day() -> dict[str, int]:
        found: dict[str, int] = agent.api.get(f"/envelopes/{envelope}").json()["day"]
        return found

    assert day()["bytes_taken"] >= 48 * MIB

    ada = visit("ada")
    ada.open(f"/envelopes/{envelope}/revoke")
    ada.submit("/revoke")
    for one in held:
        wait_for(lambda one=one: "envelope" in told(one), "what it opened has ended")
    assert agent.api.get(f"/grants/{held[0].grant_id}").json()["reason"]["code"] == "envelope-revoked"
