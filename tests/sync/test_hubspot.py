"""HubSpot through a strict stand-in: what is its own, and the suite."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.sync.hubspot import CLIENT, OWN, REFRESH, SECRET, TOKEN, HubSpot
from tests.sync.rig import World
from tests.sync.standin import FastClock, serving
from tests.sync.suite import Suite, email, world_of

_READ = """  read:
    every: 5s
    outcomes: {hs_lead_status: {UNQUALIFIED: rejected}, lifecyclestage: {customer: won}}
"""
_ENVIRONMENT = {"TOKEN": TOKEN, "SECRET": SECRET, "REFRESH": REFRESH}


class HubSpotVendor:
    """The stand-in as the suite wants it."""

    name = "hubspot"
    environment: Mapping[str, str] = _ENVIRONMENT
    auth = "{token: {env: TOKEN}}"
    app = f"{{client_id: {CLIENT}, client_secret: {{env: SECRET}}, refresh_token: {{env: REFRESH}}}}"

    def __init__(self, crm: HubSpot) -> None:
        self.crm = crm

    def text(self, more: str = "") -> str:
        return f"hubspot:\n  kind: hubspot\n  url: {self.crm.url}\n  auth: {self.auth}\n{more or _READ}\n"

    def people(self, count: int) -> list[str]:
        return [
            self.crm.add_contact(email=email(number), lastname=f"Lead {number}", jobtitle="CEO")
            for number in range(count)
        ]

    def scored(self) -> dict[str, float]:
        told = {id_: values.get("leadheat_score") for id_, values in self.crm.contacts.items()}
        return {id_: float(score) for id_, score in told.items() if score}

    def theirs(self) -> dict[str, dict[str, Any]]:
        ours = {*OWN, "lastmodifieddate"}
        return {
            id_: {name: values[name] for name in values if name not in ours}
            for id_, values in self.crm.contacts.items()
        }

    def promote(self, id_: str, title: str) -> None:
        self.crm.edit(id_, jobtitle=title, hs_lead_status="UNQUALIFIED")

    def refuse(self, ids: list[str]) -> None:
        self.crm.bad = set(ids)

    def slow(self) -> None:
        self.crm.hurry = 5

    def writes(self) -> int:
        return sum(call.path.endswith(("/update", "/tasks")) for call in self.crm.calls)

    def tasks(self) -> list[tuple[str, str]]:
        return [
            (task["properties"]["hs_task_subject"], task["associations"][0]["to"]["id"])
            for task in self.crm.tasks.values()
        ]


@pytest.fixture
async def vendor() -> AsyncIterator[HubSpotVendor]:
    crm = HubSpot(FastClock())
    crm.properties |= OWN
    async with serving(crm.app(), crm.port):
        yield HubSpotVendor(crm)


class TestHubSpot(Suite):
    """The suite."""


async def test_a_batch_refused_as_a_whole_is_halved_until_one_is_to_blame(
    vendor: HubSpotVendor,
) -> None:
    ids = vendor.people(60)
    vendor.refuse([ids[7], ids[41]])
    vendor.crm.tells_who = False
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 58 and len(world.park.parked) == 2)
    assert {lead for _, lead, _ in world.park.parked} == {email(7), email(41)}


async def test_more_contacts_of_one_moment_than_a_page_are_all_read(vendor: HubSpotVendor) -> None:
    """As after an import into HubSpot; and what people change while pages are read is not passed over."""
    ids = vendor.people(450)
    for id_ in ids:
        vendor.crm.contacts[id_]["lastmodifieddate"] = "2026-09-01T00:00:00Z"
    world = world_of(vendor)
    world.rescore = False
    async with world.running():
        await world.until(lambda: len(world.events) == 450)
        await world.quiet(vendor.crm.calls)
    assert {event["lead_id"] for event in world.events} == {email(number) for number in range(450)}
    assert all("after" not in call.path for call in vendor.crm.calls)


async def test_what_a_search_learns_of_late_is_read(vendor: HubSpotVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        vendor.crm.lag_s = 60.0
        vendor.crm.edit(ids[0], jobtitle="late")
        vendor.crm.lag_s = 60.0
        await world.until(lambda: world.traits[email(0)].get("title") == "late")


async def test_who_is_in_the_bin_is_not_written_to_until_taken_out_again(vendor: HubSpotVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        vendor.crm.archive(ids[0])
        world.clock.advance(86_400)
        await world.until(lambda: "crm.hubspot.id" not in world.traits[email(0)])
        await world.quiet(vendor.crm.calls)
        assert list(vendor.crm.contacts) == [ids[1]]
        vendor.crm.contacts[ids[0]] = vendor.crm.archived.pop(ids[0])
        vendor.crm.edit(ids[0])
        await world.until(lambda: world.traits[email(0)].get("crm.hubspot.id") == ids[0])
    assert len({event["id"] for event in world.events}) == len(world.events)
    assert vendor.crm.created == []


async def test_merged_contacts_become_one(vendor: HubSpotVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        await world.quiet(vendor.crm.calls)
        merged = vendor.crm.merge(ids[1], ids[0])
        await world.until(lambda: any(event["type"] == "alias" for event in world.events))
        [alias] = [event for event in world.events if event["type"] == "alias"]
        assert (alias["lead_id"], alias["properties"]["previous_id"]) == (email(1), email(0))
        assert world.traits[email(1)]["crm.hubspot.id"] == merged
        world.scores[email(1)] = 90.0
        await world.score(email(1), identities=[email(1), email(0)])
        await world.until(lambda: vendor.scored() == {merged: 90.0})


async def test_a_stage_has_hubspots_own_moment(vendor: HubSpotVendor) -> None:
    [id_] = vendor.people(1)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 1)
        vendor.crm.edit(id_, lifecyclestage="customer", hs_v2_date_entered_customer="2026-05-04T10:00:00Z")
        await world.until(lambda: world.events[-1]["type"] == "outcome")
    assert world.events[-1]["time"] == "2026-05-04T10:00:00Z"
    assert world.events[-1]["properties"]["outcome"] == "won"


async def test_an_apps_token_ends_and_is_taken_back(vendor: HubSpotVendor) -> None:
    vendor.auth = vendor.app
    vendor.people(1)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 1)
        world.clock.advance(1_700)
        await world.until(lambda: sum("oauth" in call.path for call in vendor.crm.calls) == 2)
        assert vendor.crm.count(401) == 0
        vendor.crm.revoke()
        await world.quiet(vendor.crm.calls)
    assert vendor.crm.count(401) >= 1
    assert sum("oauth" in call.path for call in vendor.crm.calls) >= 3


async def test_check_and_prepare(vendor: HubSpotVendor) -> None:
    vendor.crm.properties = {
        name: kind for name, kind in vendor.crm.properties.items() if name not in OWN and name != "industry"
    }
    world = world_of(vendor)
    found = await _asked(world, "check")
    assert found[0] == "contacts have no property industry: take it out of `read`"
    assert len(found) == 1 + len(OWN)
    vendor.crm.properties["industry"] = "string"
    said = await _asked(world, "prepare", do=False)
    assert said[0] == "property leadheat_score of contacts (number), for score"
    assert not OWN.keys() & vendor.crm.properties.keys()
    assert await _asked(world, "prepare", do=True) == said
    assert vendor.crm.properties.items() >= OWN.items()
    assert await _asked(world, "check") == []


async def test_check_says_which_scope_is_missing(vendor: HubSpotVendor) -> None:
    vendor.crm.scopes = set()
    [said] = await _asked(world_of(vendor), "check")
    assert said.startswith("HubSpot doesn't let us: This app hasn't been granted all required scopes")
    assert "crm.objects.contacts.read" in said


async def _asked(world: World, name: str, **arguments: Any) -> Any:
    async with world.connected() as crms:
        [(_, crm)] = crms.values()
        return await getattr(crm, name)(**arguments)
