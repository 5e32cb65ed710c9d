"""The pages for administrators list every call that is made, each with the vendor's page, and no other.

`pytest -s` shows them side by side: the call as documented, the vendor's page, what was recorded.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from tests.sync.dataverse import OWN as DYNAMICS_OWN
from tests.sync.dataverse import Dataverse
from tests.sync.hubspot import OWN as HUBSPOT_OWN
from tests.sync.hubspot import HubSpot
from tests.sync.marketo import Marketo
from tests.sync.sagecrm import SageCrm
from tests.sync.salesforce import OWN as SALESFORCE_OWN
from tests.sync.salesforce import Salesforce
from tests.sync.sixsense import SixSense
from tests.sync.standin import FastClock, StandIn, serving
from tests.sync.suite import Vendor, _tasks_done, _undo_the_task, email, world_of
from tests.sync.test_dynamics import DynamicsVendor
from tests.sync.test_hubspot import HubSpotVendor
from tests.sync.test_marketo import MarketoVendor
from tests.sync.test_sagecrm import SageCrmVendor
from tests.sync.test_salesforce import SalesforceVendor
from tests.sync.test_sixsense import _people, _world

_DOCS = Path(__file__).parents[2] / "docs" / "sync"
_NAMES = {"TENANT": "[^/]+", "ID": "[^/()?]+", "…": ".*"}
_SHOWN = 160
_BASE = re.compile("^(/api/data/v9.2|/services/data/v62.0)/")


def _listed(page: str) -> dict[str, tuple[re.Pattern[str], str]]:
    """The calls of a page's table: what they match, and the vendor's page."""
    rows = re.findall(r"^\| `((?:GET|POST|PATCH) [^`]+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    found = {}
    for row, source in rows:
        parts = re.split(r"(TENANT|ID|…)", row)
        form = re.compile("".join(_NAMES.get(part, re.escape(part)) for part in parts) + r"\Z")
        found[row] = form, source
    return found


def _made(crm: StandIn) -> dict[str, Counter[int]]:
    """The calls as recorded, and how often each was answered how."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for call in crm.calls:
        found[f"{call.method} {_BASE.sub('', unquote(call.path))}"][call.status] += 1
    return found


def _show(listed: Mapping[str, tuple[re.Pattern[str], str]], made: Mapping[str, Counter[int]]) -> None:
    """Side by side, an example of each."""
    for row, (form, source) in listed.items():
        calls = [call for call in made if form.match(call)]
        answers = sum((made[call] for call in calls), Counter[int]())
        told = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()))
        print(f"{row}\n    {source}\n    {calls[0][:_SHOWN] if calls else 'never made'} ({told})")


async def _everything(vendor: Vendor) -> None:
    """Check, preparation, both ways, a refused record, a task that is made and looked for."""
    world = world_of(vendor)
    async with world.connected() as crms:
        [(destination, crm)] = crms.values()
        await crm.prepare(do=destination.kind.name != "sagecrm")  # where people make the fields
        await crm.check()
    ids = vendor.people(4)
    vendor.refuse(ids[:1])
    async with world.running():
        await world.until(lambda: len(vendor.scored()) == 3 and len(world.park.parked) == 1)
        world.traits["u-1"] = {"email": "nobody@acme.example"}
        await world.score("u-1")
        if destination.kind.limits.tasks:
            await world.alert(email(1), "a-1")
            await world.until(lambda: len(vendor.tasks()) == 1 and _tasks_done(world))
        world.clock.advance(86_400)
        for _ in range(2):  # the first may be no more than what is told after a day
            await world.quiet(vendor.crm.calls)
    _undo_the_task(world)
    async with world.running():
        await world.until(lambda: _tasks_done(world))


async def _compare(vendor: Vendor, page: str) -> None:
    await _everything(vendor)
    _compare_calls(vendor.crm, page)


def _compare_calls(crm: StandIn, page: str) -> None:
    listed = _listed((_DOCS / page).read_text(encoding="utf-8"))
    made = _made(crm)
    _show(listed, made)
    assert [call for call in made if not any(form.match(call) for form, _ in listed.values())] == []
    assert [row for row, (form, _) in listed.items() if not any(map(form.match, made))] == []


async def test_dynamics() -> None:
    crm = Dataverse(FastClock())
    async with serving(crm.app(), crm.port):
        vendor = DynamicsVendor(crm)
        plain = vendor.text
        vendor.text = lambda more="": plain(more) + "  predictive_score: true\n"  # type: ignore[method-assign]
        await _compare(vendor, "dynamics.md")
    assert crm.columns.items() >= DYNAMICS_OWN.items()


async def test_hubspot() -> None:
    crm = HubSpot(FastClock())
    async with serving(crm.app(), crm.port):
        vendor = HubSpotVendor(crm)
        vendor.auth = vendor.app
        await _compare(vendor, "hubspot.md")
    assert crm.properties.items() >= HUBSPOT_OWN.items()


async def test_salesforce() -> None:
    crm = Salesforce(FastClock(speed=1_000.0))
    crm.fields |= SALESFORCE_OWN
    async with serving(crm.app(), crm.port):
        await _compare(SalesforceVendor(crm), "salesforce.md")


async def test_marketo() -> None:
    crm = Marketo(FastClock())
    async with serving(crm.app(), crm.port):
        await _compare(MarketoVendor(crm), "marketo.md")


async def test_sagecrm() -> None:
    crm = SageCrm(FastClock())
    async with serving(crm.app(), crm.port):
        await _compare(SageCrmVendor(crm), "sagecrm.md")


async def test_sixsense() -> None:
    crm = SixSense(FastClock())
    async with serving(crm.app(), crm.port):
        world = _world(crm)
        async with world.running():
            await world.score(*_people(crm, world, 1))
            await world.until(lambda: len(world.events) == 1)
    _compare_calls(crm, "sixsense.md")
