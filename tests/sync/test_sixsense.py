"""6sense through a strict stand-in: asked about warm leads alone, and seldom."""

from collections.abc import AsyncIterator

import pytest

from connectors.sync.errors import SyncFileError
from connectors.sync.sync_file import parse_sync_file
from tests.sync.rig import LEADS, World
from tests.sync.sixsense import TOKEN, SixSense, person
from tests.sync.standin import FastClock, serving
from tests.sync.suite import email

_SAID = {"buying_stage": "Decision", "intent_score": 88, "profile_fit": "Strong", "is_6qa": True}


@pytest.fixture
async def six() -> AsyncIterator[SixSense]:
    crm = SixSense(FastClock())
    async with serving(crm.app(), crm.port):
        yield crm


def _world(six: SixSense, more: str = "") -> World:
    assert isinstance(six.clock, FastClock)
    text = f"""six:
  kind: sixsense
  url: {six.url}
  auth: {{token: {{env: TOKEN}}}}
  country: France
  product: Analytics
{more}"""
    return World(text, {"TOKEN": TOKEN}, six.clock)


def _people(six: SixSense, world: World, count: int, score: float = 50.0) -> list[str]:
    for number in range(count):
        six.people[email(number)] = person("Decision", 88)
        world.traits[email(number)] = {"email": email(number)}
        world.scores[email(number)] = score
    return [email(number) for number in range(count)]


async def test_what_it_says_of_warm_leads_becomes_traits(six: SixSense) -> None:
    world = _world(six)
    leads = _people(six, world, 2)
    world.traits[leads[0]] |= {"country": "Belgium", "company": "Acme", "phone": "1"}
    world.scores[leads[1]] = 10.0
    async with world.running():
        await world.score(*leads)
        await world.until(lambda: len(world.events) == 1)
        assert (world.events[0]["lead_id"], world.events[0]["traits"]) == (leads[0], _SAID)
        assert six.asked == [{"email": leads[0], "country": "Belgium", "company": "Acme"}]
        world.scores[leads[1]] = 40.0
        await world.score(leads[1])
        await world.until(lambda: len(world.events) == 2)
    assert six.asked[1] == {"email": leads[1], "country": "France"}


async def test_nobody_is_asked_for_twice_within_the_time(six: SixSense) -> None:
    """Be the process killed between, and be there news of them."""
    world = _world(six)
    leads = _people(six, world, 5)
    for _ in range(3):
        async with world.running():
            await world.score(*leads)
            await world.until(lambda: len(world.events) >= 5)
            await world.until(lambda: all(row.due is None or row.due > six.clock() for row in world.rows()))
    assert len(six.asked) == 5
    async with world.running():
        world.clock.advance(7 * 86_400)
        await world.until(lambda: len(six.asked) == 10 and len(world.events) == 10)
    assert len({event["id"] for event in world.events}) == 10


async def test_a_days_budget_is_kept_over_restarts(six: SixSense) -> None:
    world = _world(six, "  budget: 3\n")
    leads = _people(six, world, 7)
    world.clock.ahead += 86_400_000_000 - world.clock() % 86_400_000_000 + 60_000_000  # a day has just begun
    for _ in range(3):
        async with world.running():
            await world.score(*leads)
            await world.until(lambda: len(world.events) == 3)
            await world.until(lambda: all(row.due is None or row.due > six.clock() for row in world.rows()))
    assert len(six.asked) == 3
    async with world.running():
        world.clock.advance(86_400)
        await world.until(lambda: len(six.asked) == 6)
        world.clock.advance(86_400)
        await world.until(lambda: len(six.asked) == 7)


async def test_a_thousand_throttled_and_cut_off(six: SixSense) -> None:
    world = _world(six, f"  budget: {LEADS}\n")
    leads = _people(six, world, LEADS)
    six.credits = 1_000_000
    six.hurry = 50
    for lead in leads[::20]:
        del six.people[lead]
    for _ in range(5):
        async with world.running():
            await world.score(*leads)
            enough = len(six.calls) + 20
            await world.until(lambda enough=enough: len(six.calls) >= enough or len(six.asked) >= LEADS)  # type: ignore[misc]
    async with world.running():
        await world.until(
            lambda: len({event["lead_id"] for event in world.events}) == LEADS - len(leads[::20])
        )
    assert len({event["id"] for event in world.events}) == LEADS - len(leads[::20])
    assert six.count(429) > 0
    assert len(six.asked) <= LEADS + 6, "asked for twice where it was cut off, at the most"


async def test_used_up_credits_are_not_asked_for(six: SixSense) -> None:
    world = _world(six)
    leads = _people(six, world, 1)
    six.credits = 0
    async with world.running():
        await world.score(*leads)
        await world.until(lambda: six.count(402) == 1)
        six.credits = 1
        world.clock.advance(21_600)
        await world.until(lambda: len(world.events) == 1)
    assert six.count(402) == 1


async def test_an_erased_lead_is_not_asked_for(six: SixSense) -> None:
    world = _world(six)
    lead, other = _people(six, world, 2)
    async with world.running() as engine:
        await world.score(lead)
        await world.until(lambda: len(world.events) == 1)
        [(number, key)] = [(number, key) for number, rows in world.table.held.items() for key in rows]
        assert engine.lead_of(key, world.table.held[number][key]) == lead
        await world.table.put(number, {key: None})
        engine.forgot(number, [key])
        world.clock.advance(8 * 86_400)
        await world.score(other)
        await world.until(lambda: len(six.asked) == 2)
    assert [form["email"] for form in six.asked] == [lead, other]


async def test_scores_that_are_withheld_say_nothing(six: SixSense) -> None:
    six.withheld = True
    world = _world(six)
    leads = _people(six, world, 1)
    async with world.running():
        await world.score(*leads)
        await world.until(lambda: all(row.due is None or row.due > six.clock() for row in world.rows()))
        await world.until(lambda: len(six.asked) == 1)
    assert world.events == []


async def test_the_check_asks_about_nobody(six: SixSense) -> None:
    async with _world(six).connected() as crms:
        assert await crms["six"][1].check() == []
    world = _world(six)
    world.environment = {"TOKEN": "wrong"}
    async with world.connected() as crms:
        assert await crms["six"][1].check() == ["6sense doesn't let us: 401"]


def test_nothing_can_be_written_there() -> None:
    with pytest.raises(SyncFileError) as refused:
        parse_sync_file(
            "a:\n  kind: sixsense\n  auth: {token: {env: T}}\n  country: France\n  direction: both\n",
            "sync.yml",
            {"T": TOKEN},
        )
    assert str(refused.value) == "sync.yml:5: a.direction: a sixsense goes one way: expected read"
