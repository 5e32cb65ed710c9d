"""Sage CRM through a strict stand-in: what is its own, and the suite."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.certificate import self_signed
from tests.sync.rig import World
from tests.sync.sagecrm import OWN, PASSWORD, USER, SageCrm
from tests.sync.standin import FastClock, serving
from tests.sync.suite import BothWays, world_of

_READ = "  read: {every: 60s, outcomes: {lead_stage: {Rejected: rejected}}}\n"


class SageCrmVendor:
    """The stand-in as the suite wants it."""

    name = "sagecrm"
    environment: Mapping[str, str] = {"PASSWORD": PASSWORD}
    more = "  trial: '1'\n"

    def __init__(self, crm: SageCrm) -> None:
        self.crm = crm

    def text(self, more: str = "") -> str:
        auth = f"{{user: {USER}, password: {{env: PASSWORD}}}}"
        head = f"sagecrm:\n  kind: sagecrm\n  url: {self.crm.url}\n  auth: {auth}\n{self.more}"
        return f"{head}{more or _READ}\n"

    def people(self, count: int) -> list[str]:
        start = len(self.crm.leads)
        return [
            self.crm.add_lead(
                Lead_PersonEmail=f"lead{start + number}@acme.example",
                Lead_PersonTitle="CEO",
                Lead_Stage="Open",
            )
            for number in range(count)
        ]

    def scored(self) -> dict[str, float]:
        told = {id_: row.get("lead_leadheatscore") for id_, row in self.crm.leads.items()}
        return {id_: score for id_, score in told.items() if score is not None}

    def theirs(self) -> dict[str, dict[str, Any]]:
        ours = {*OWN, "Lead_UpdatedDate"}
        return {
            id_: {name: row[name] for name in row if name not in ours} for id_, row in self.crm.leads.items()
        }

    def promote(self, id_: str, title: str) -> None:
        self.crm.edit(id_, Lead_PersonTitle=title, Lead_Stage="Rejected")

    def refuse(self, ids: list[str]) -> None:
        self.crm.bad = set(ids)

    def slow(self) -> None:
        self.crm.hurry = 25

    def writes(self) -> int:
        return sum(call.method != "GET" for call in self.crm.calls)

    def tasks(self) -> list[tuple[str, str]]:
        return []


@pytest.fixture
async def vendor() -> AsyncIterator[SageCrmVendor]:
    crm = SageCrm(FastClock())
    async with serving(crm.app(), crm.port):
        yield SageCrmVendor(crm)


class TestSageCrm(BothWays):
    """The suite, without tasks."""


async def test_the_check_tries_an_update_and_sees_what_else_it_changed(vendor: SageCrmVendor) -> None:
    vendor.people(1)
    before = vendor.theirs()
    assert await _asked(world_of(vendor), "check") == []
    assert vendor.theirs() == before
    vendor.crm.replaces = True
    [said] = await _asked(world_of(vendor), "check")
    assert said == "an update of lead 1 changed lead_stage, too: don't run this connector"
    vendor.more = ""
    [said] = await _asked(world_of(vendor), "check")
    assert said.startswith("no `trial`")


async def test_a_server_with_pages_of_its_own_is_read_to_the_end(vendor: SageCrmVendor) -> None:
    vendor.people(130)
    vendor.crm.page = 50
    world = world_of(vendor)
    world.rescore = False
    async with world.running():
        await world.until(lambda: len(world.events) == 130)


async def test_the_check_says_which_fields_are_missing(vendor: SageCrmVendor) -> None:
    vendor.crm.fields -= {"lead_leadheattier"}
    vendor.people(1)
    assert await _asked(world_of(vendor), "check") == ["leads have no field lead_leadheattier"]


async def test_a_certificate_signed_by_nobody_is_believed_where_the_file_says_so(tmp_path: Path) -> None:
    crm = SageCrm(FastClock())
    crm.scheme = "https"
    certificate, key = self_signed(tmp_path)
    async with serving(crm.app(), crm.port, certificate, key):
        vendor = SageCrmVendor(crm)
        vendor.people(1)
        [said] = await _asked(world_of(vendor), "check")
        assert said.startswith("no answer: ConnectError")
        vendor.more += f"  ca: {certificate}\n"
        assert await _asked(world_of(vendor), "check") == []


async def _asked(world: World, name: str, **arguments: Any) -> Any:
    async with world.connected() as crms:
        [(_, crm)] = crms.values()
        return await getattr(crm, name)(**arguments)
