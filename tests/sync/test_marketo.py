"""Marketo through a strict stand-in: what is its own, and the suite."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from connectors.sync.errors import ThrottledError
from tests.sync.marketo import CLIENT, OWN, SECRET, Marketo
from tests.sync.rig import World
from tests.sync.standin import FastClock, serving
from tests.sync.suite import BothWays, email, world_of

_READ = "  read: {every: 5s, outcomes: {leadStatus: {Unqualified: rejected}}}\n"


class MarketoVendor:
    """The stand-in as the suite wants it."""

    name = "marketo"
    environment: Mapping[str, str] = {"SECRET": SECRET}

    def __init__(self, crm: Marketo) -> None:
        self.crm = crm

    def text(self, more: str = "") -> str:
        auth = f"{{client_id: {CLIENT}, client_secret: {{env: SECRET}}}}"
        return f"marketo:\n  kind: marketo\n  url: {self.crm.url}\n  auth: {auth}\n{more or _READ}\n"

    def people(self, count: int) -> list[str]:
        return [
            self.crm.add_lead(email=email(number), lastName=f"Lead {number}", title="CEO")
            for number in range(count)
        ]

    def scored(self) -> dict[str, float]:
        told = {str(id_): row.get("leadheatScore") for id_, row in self.crm.leads.items()}
        return {id_: score for id_, score in told.items() if score is not None}

    def theirs(self) -> dict[str, dict[str, Any]]:
        ours = {*OWN, "updatedAt"}
        return {
            str(id_): {name: row[name] for name in row if name not in ours}
            for id_, row in self.crm.leads.items()
        }

    def promote(self, id_: str, title: str) -> None:
        self.crm.edit(id_, title=title, leadStatus="Unqualified")

    def refuse(self, ids: list[str]) -> None:
        self.crm.bad = set(map(int, ids))

    def slow(self) -> None:
        self.crm.hurry = 5

    def writes(self) -> int:
        return sum(call.path.endswith("/leads.json") for call in self.crm.calls)

    def tasks(self) -> list[tuple[str, str]]:
        return []


@pytest.fixture
async def vendor() -> AsyncIterator[MarketoVendor]:
    crm = Marketo(FastClock())
    crm.fields |= OWN
    async with serving(crm.app(), crm.port):
        yield MarketoVendor(crm)


class TestMarketo(BothWays):
    """The suite, without tasks."""


async def test_a_token_ends_and_is_taken_back(vendor: MarketoVendor) -> None:
    vendor.people(1)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 1)
        world.clock.advance(3_600)
        await world.until(lambda: sum("oauth" in call.path for call in vendor.crm.calls) >= 2)
        vendor.crm.revoke()
        await world.until(lambda: any(call.said == "601" for call in vendor.crm.calls))
        world.scores[email(0)] = 90.0
        await world.score(email(0))
        await world.until(lambda: list(vendor.scored().values()) == [90.0])
    assert SECRET not in str(vendor.crm.calls)


async def test_a_day_s_quota_that_is_used_up_ends_at_midnight(vendor: MarketoVendor) -> None:
    vendor.crm.quota = 0
    async with world_of(vendor).connected() as crms:
        [(_, crm)] = crms.values()
        with pytest.raises(ThrottledError, match="Daily quota reached") as refused:
            await crm.read(None)
    assert refused.value.wait_s is not None
    assert 56_000 < refused.value.wait_s <= 56_800  # from 08:13 CST on


async def test_more_changes_than_a_page_and_nothing_of_our_own_is_read(vendor: MarketoVendor) -> None:
    vendor.people(700)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(world.events) == 700 and len(vendor.scored()) == 700)
        await world.quiet(vendor.crm.calls)
        questions = sum("_method=GET" in call.path for call in vendor.crm.calls)
        await world.quiet(vendor.crm.calls)
        assert sum("_method=GET" in call.path for call in vendor.crm.calls) == questions
    assert len({event["id"] for event in world.events}) == len(world.events) == 700


async def test_whom_people_deleted_is_untied_and_not_written_to(vendor: MarketoVendor) -> None:
    ids = vendor.people(2)
    world = world_of(vendor)
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 2)
        vendor.crm.delete(ids[0])
        world.clock.advance(3_600)
        await world.until(lambda: "crm.marketo.id" not in world.traits[email(0)])
        world.scores[email(0)] = 90.0
        await world.score(email(0))
        await world.quiet(vendor.crm.calls)
    assert list(vendor.scored()) == [ids[1]]
    assert vendor.crm.created == []


async def test_several_people_with_one_e_mail_are_parked(vendor: MarketoVendor) -> None:
    vendor.people(1)
    vendor.people(1)
    world = world_of(vendor, "  direction: write")
    async with world.running():
        world.traits["u-1"] = {"email": email(0)}
        await world.score("u-1")
        await world.until(lambda: len(world.park.parked) == 1)
    assert world.park.parked[0][2].startswith("several people have this e-mail there")
    assert vendor.scored() == {}


async def test_check_and_prepare(vendor: MarketoVendor) -> None:
    vendor.crm.fields = {name: kind for name, kind in vendor.crm.fields.items() if name not in OWN}
    world = world_of(vendor)
    assert len(await _asked(world, "check")) == len(OWN)
    said = await _asked(world, "prepare", do=False)
    assert said[0] == "field leadheatScore of people (float), for score"
    assert await _asked(world, "prepare", do=True) == said
    assert vendor.crm.fields.items() >= OWN.items()
    assert await _asked(world, "check") == []


async def _asked(world: World, name: str, **arguments: Any) -> Any:
    async with world.connected() as crms:
        [(_, crm)] = crms.values()
        return await getattr(crm, name)(**arguments)
