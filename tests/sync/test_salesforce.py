"""Salesforce through a strict stand-in: what is its own, and the suite."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.sync.rig import World
from tests.sync.salesforce import CLIENT, OWN, SECRET, Salesforce
from tests.sync.standin import FastClock, serving
from tests.sync.suite import Suite, email, world_of

_READ = """  read:
    every: 60s
    outcomes: {Status: {Unqualified: rejected}, IsConverted: {"true": accepted}}
"""


class SalesforceVendor:
    """The stand-in as the suite wants it."""

    name = "salesforce"
    environment: Mapping[str, str] = {"SECRET": SECRET}

    def __init__(self, crm: Salesforce) -> None:
        self.crm = crm

    def text(self, more: str = "") -> str:
        auth = f"{{client_id: {CLIENT}, client_secret: {{env: SECRET}}}}"
        return f"salesforce:\n  kind: salesforce\n  url: {self.crm.url}\n  auth: {auth}\n{more or _READ}\n"

    def people(self, count: int) -> list[str]:
        return [
            self.crm.add_lead(Email=email(number), LastName=f"Lead {number}", Title="CEO")
            for number in range(count)
        ]

    def scored(self) -> dict[str, float]:
        told = {id_: row.get("LeadHeat_Score__c") for id_, row in self.crm.leads.items()}
        return {id_: score for id_, score in told.items() if score is not None}

    def theirs(self) -> dict[str, dict[str, Any]]:
        ours = {*OWN, "SystemModstamp"}
        return {
            id_: {name: row[name] for name in row if name not in ours} for id_, row in self.crm.leads.items()
        }

    def promote(self, id_: str, title: str) -> None:
        self.crm.edit(id_, Title=title, Status="Unqualified")

    def refuse(self, ids: list[str]) -> None:
        self.crm.bad = set(ids)

    def slow(self) -> None:
        self.crm.hurry = 5

    def writes(self) -> int:
        return sum(call.method in ("PATCH", "POST") and "oauth" not in call.path for call in self.crm.calls)

    def tasks(self) -> list[tuple[str, str]]:
        return [(task["Subject"], task["WhoId"]) for task in self.crm.tasks]


@pytest.fixture
async def vendor() -> AsyncIterator[SalesforceVendor]:
    crm = Salesforce(FastClock(speed=1_000.0))
    crm.fields |= OWN
    async with serving(crm.app(), crm.port):
        yield SalesforceVendor(crm)


class TestSalesforce(Suite):
    """The suite."""


async def test_more_leads_than_a_page_are_all_read(vendor: SalesforceVendor) -> None:
    vendor.people(1_100)
    vendor.crm.page = 200
    world = world_of(vendor)
    world.rescore = False
    async with world.running():
        await world.until(lambda: len(world.events) == 1_100)
        await world.quiet(vendor.crm.calls)
        for id_ in list(vendor.crm.leads)[:700]:
            vendor.promote(id_, "DG")
        await world.until(lambda: len(world.events) == 1_100 + 1_400)
    assert len({event["id"] for event in world.events}) == len(world.events)


async def test_merged_leads_become_one(vendor: SalesforceVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        await world.quiet(vendor.crm.calls)
        vendor.crm.merge(ids[1], ids[0])
        await world.until(lambda: any(event["type"] == "alias" for event in world.events))
        [alias] = [event for event in world.events if event["type"] == "alias"]
        assert (alias["lead_id"], alias["properties"]["previous_id"]) == (email(1), email(0))
        assert world.traits[email(1)]["crm.salesforce.id"] == ids[1]


async def test_a_lead_merged_before_it_was_told_is_followed(vendor: SalesforceVendor) -> None:
    ids = vendor.people(2)
    vendor.crm.merge(ids[1], ids[0])
    world = world_of(vendor, "  direction: write")
    async with world.running():
        world.traits["u-1"] = {"crm.salesforce.id": ids[0][:15]}
        await world.score("u-1")
        await world.until(lambda: vendor.scored() == {ids[1]: 50.0})


async def test_whom_people_deleted_is_untied_and_not_written_to(vendor: SalesforceVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        vendor.crm.edit(ids[0], IsDeleted=True)
        await world.until(lambda: "crm.salesforce.id" not in world.traits[email(0)])
        world.scores[email(0)] = 90.0
        await world.score(email(0))
        await world.quiet(vendor.crm.calls)
    assert vendor.scored()[ids[0]] == 50.0
    assert vendor.crm.created == []


async def test_a_converted_lead_is_an_outcome_and_left_alone(vendor: SalesforceVendor) -> None:
    [id_] = vendor.people(1)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: vendor.scored() == {id_: 50.0})
        vendor.crm.edit(id_, IsConverted=True)
        await world.until(lambda: world.events[-1]["type"] == "outcome")
        assert world.events[-1]["properties"]["outcome"] == "accepted"
        world.scores[email(0)] = 90.0
        await world.score(email(0))
        await world.quiet(vendor.crm.calls)
    assert vendor.scored() == {id_: 50.0}
    assert world.park.parked == []


async def test_a_token_is_asked_for_anew_once_it_is_refused(vendor: SalesforceVendor) -> None:
    vendor.people(1)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 1)
        vendor.crm.revoke()
        await world.until(lambda: sum("oauth" in call.path for call in vendor.crm.calls) == 2)
        await world.quiet(vendor.crm.calls)
    assert vendor.crm.count(401) >= 1


async def test_a_pause_longer_than_the_feeds_reads_everything_anew(vendor: SalesforceVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        await world.quiet(vendor.crm.calls)
    world.clock.advance(40 * 86_400)
    vendor.crm.edit(ids[0], Title="DG")
    del vendor.crm.leads[ids[1]]
    async with world.running():
        await world.until(lambda: world.traits[email(0)].get("title") == "DG")
        await world.until(lambda: "crm.salesforce.id" not in world.traits[email(1)])


async def test_check_and_prepare_say_what_is_missing(vendor: SalesforceVendor) -> None:
    del vendor.crm.fields["LeadHeat_Tier__c"], vendor.crm.fields["Industry"]
    world = world_of(vendor)
    assert await _asked(world, "check") == [
        "Lead has no field Industry: take it out of `read`",
        "Lead has no field LeadHeat_Tier__c for tier that we may see: make it as Text(100), "
        "and let the app's user edit it",
    ]
    assert await _asked(world, "prepare", do=False) == ["field LeadHeat_Tier__c on Lead, Text(100), for tier"]
    vendor.crm.fields |= dict.fromkeys(("LeadHeat_Tier__c", "Industry"), "string")
    assert await _asked(world, "check") == []
    vendor.crm.editable = False
    assert len(await _asked(world, "check")) == len(OWN)


async def _asked(world: World, name: str, **arguments: Any) -> Any:
    async with world.connected() as crms:
        [(_, crm)] = crms.values()
        return await getattr(crm, name)(**arguments)
