"""What every connector must show, whatever CRM it is for: a suite that its tests inherit."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from connectors.sync.rows import CursorRow, TaskRow, decode, encode
from tests.sync.rig import LEADS, World
from tests.sync.standin import FastClock, StandIn

_CUTS = 12


class Vendor(Protocol):
    """A stand-in, and what people do there."""

    crm: StandIn
    name: str

    def text(self, more: str = "") -> str:
        """A sync file with this destination; `more` replaces its `read` and `write`."""

    environment: Mapping[str, str]

    def people(self, count: int) -> list[str]:
        """Records of people, lead0@acme.example and on; their ids."""

    def scored(self) -> dict[str, float]:
        """What every record that bears a score says."""

    def theirs(self) -> dict[str, dict[str, Any]]:
        """What every record says, but for our fields and the moment of its last change."""

    def promote(self, id_: str, title: str) -> None:
        """Somebody changes a title, and rejects the lead, at once."""

    def refuse(self, ids: list[str]) -> None:
        """No update of these is taken from now on."""

    def slow(self) -> None:
        """Far less calls are let through from now on, so that some are refused."""

    def writes(self) -> int:
        """How many calls could have changed anything."""

    def tasks(self) -> list[tuple[str, str]]:
        """Tasks: subject, and the record they are about."""


def email(number: int) -> str:
    """The lead's name by the e-mail."""
    return f"lead{number}@acme.example"


def world_of(vendor: Vendor, more: str = "") -> World:
    """An engine's world with this CRM."""
    assert isinstance(vendor.crm.clock, FastClock)
    return World(vendor.text(more), vendor.environment, vendor.crm.clock)


def _tasks_done(world: World) -> bool:
    return all(row.done for row in world.rows() if isinstance(row, TaskRow))


def _undo_the_task(world: World) -> None:
    """Its row is as it was when the CRM had it, and that was not yet known."""
    for rows in world.table.held.values():
        for key, data in rows.items():
            row = decode(data)
            if isinstance(row, TaskRow):
                rows[key] = encode(msgspec.structs.replace(row, begun=True, done=False, due=world.clock()))


def _taken_in(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The leads' traits as the worker has them, which takes each id once: the first that comes."""
    traits: dict[str, dict[str, Any]] = {}
    for event in {event["id"]: event for event in reversed(events)}.values():
        if event["type"] == "identify":
            traits[event["lead_id"]] = event["traits"] | traits.get(event["lead_id"], {})
    return traits


class BothWays:
    """Inherited with a fixture `vendor`, where a CRM has no tasks."""

    async def test_a_thousand_leads_both_ways_throttled_and_with_failures(self, vendor: Vendor) -> None:
        """None lost, none doubled, no loop, nobody created, nothing of anybody's overwritten."""
        ids = vendor.people(LEADS)
        vendor.refuse(ids[::20])
        vendor.slow()
        told, parked = LEADS - len(ids[::20]), len(ids[::20])
        before = vendor.theirs()
        world = world_of(vendor)
        async with world.running():
            await world.until(
                lambda: len(vendor.scored()) == told and len(world.park.parked) == parked,
                "for all",
            )
            await world.quiet(vendor.crm.calls)
            seen, written = len(world.events), vendor.writes()
            await world.quiet(vendor.crm.calls)
            assert (len(world.events), vendor.writes()) == (seen, written), "a loop"
            for id_ in ids[:100]:
                vendor.promote(id_, "DG")
            await world.until(lambda: len(world.events) >= seen + 200, "for what people changed")
            await world.quiet(vendor.crm.calls)
        kinds = Counter(event["type"] for event in world.events)
        assert kinds == {"identify": LEADS + 100, "outcome": 100}
        assert len({event["id"] for event in world.events}) == len(world.events)
        assert {lead for _, lead, _ in world.park.parked} == {email(number) for number in range(0, LEADS, 20)}
        assert set(vendor.scored().values()) == {50.0}
        after = vendor.theirs()
        assert {id_: after[id_] for id_ in ids[100:]} == {id_: before[id_] for id_ in ids[100:]}
        assert after.keys() == before.keys()
        assert vendor.crm.created == []
        assert vendor.crm.foreign == {}
        assert vendor.crm.throttled() > 0

    async def test_cut_off_anywhere_nothing_is_lost_or_doubled(self, vendor: Vendor) -> None:
        """As by kill -9, between any two calls; then it goes on by what stands in the rows."""
        ids = vendor.people(200)
        vendor.refuse(ids[::20])
        vendor.slow()
        world = world_of(vendor)
        for _ in range(_CUTS):
            async with world.running():
                enough = len(vendor.crm.calls) + 2
                await world.until(
                    lambda enough=enough: len(vendor.crm.calls) >= enough or len(vendor.scored()) == 190  # type: ignore[misc]
                )
        async with world.running():
            await world.until(
                lambda: len(vendor.scored()) == 190 and len({lead for _, lead, _ in world.park.parked}) == 10
            )
        by_id = {event["id"]: event for event in world.events}
        assert Counter(event["lead_id"] for event in by_id.values()) == {
            email(number): 1 for number in range(200)
        }
        assert vendor.crm.created == []

    async def test_what_people_change_while_it_is_cut_off_after_publishing_is_passed_on_too(
        self, vendor: Vendor
    ) -> None:
        """An event goes out, the row that says so does not: what is read next is news, not a repeat of it."""
        [id_] = vendor.people(1)
        world = world_of(vendor)
        world.rescore = False
        for title in ("DG", "DSI"):
            world.cut_off = True
            async with world.running():
                seen = len(world.events)
                await world.until(lambda seen=seen: len(world.events) > seen)  # type: ignore[misc]
            world.cut_off = world.table.full = False
            vendor.promote(id_, title)
        async with world.running():
            await world.until(lambda: world.events[-1]["id"] != world.events[-2]["id"])
            await world.quiet(vendor.crm.calls)
        assert _taken_in(world.events)[email(0)]["title"] == "DSI"
        ids = {event["id"] for event in world.events if event["type"] == "outcome"}
        assert len(ids) == 1, "it was rejected once"

    async def test_only_news_is_told(self, vendor: Vendor) -> None:
        [id_] = vendor.people(1)
        world = world_of(vendor)
        async with world.running():
            await world.until(lambda: vendor.scored() == {id_: 50.0})
            await world.quiet(vendor.crm.calls)
            written = vendor.writes()
            world.scores[email(0)] = 54.9
            await world.score(email(0))
            await world.quiet(vendor.crm.calls)
            assert vendor.writes() == written
            world.scores[email(0)] = 55.0
            await world.score(email(0))
            await world.until(lambda: vendor.scored() == {id_: 55.0})

    async def test_of_many_changes_the_last_is_told(self, vendor: Vendor) -> None:
        [id_] = vendor.people(1)
        world = world_of(vendor)
        async with world.running():
            await world.until(lambda: vendor.scored() == {id_: 50.0})
            written = vendor.writes()
            for score in range(56, 100, 6):
                world.scores[email(0)] = float(score)
                await world.score(email(0))
            await world.until(lambda: vendor.scored() == {id_: 98.0})
            assert vendor.writes() <= written + 2

    async def test_a_score_that_fades_is_told_again(self, vendor: Vendor) -> None:
        [id_] = vendor.people(1)
        world = world_of(vendor)
        world.rescore = False
        async with world.running():
            await world.until(lambda: len(world.events) == 1)
            as_of = world.record(email(0))["as_of"]
            await world.score(email(0), fading=[["pricing-page", 50.0, 86_400.0, as_of, None]])
            await world.until(lambda: len(vendor.scored()) == 1)
            first = vendor.scored()[id_]
            world.clock.advance(2 * 86_400)
            await world.until(lambda: vendor.scored()[id_] < first - 5)

    async def test_whom_the_crm_does_not_know_it_is_not_told_of(self, vendor: Vendor) -> None:
        world = world_of(vendor, "  direction: write")
        async with world.running():
            world.traits["u-1"] = {"email": "nobody@acme.example"}
            world.traits["u-2"] = {f"crm.{vendor.name}.id": "99999999"}
            await world.score("u-1", "u-2", "anonymous")
            await world.until(lambda: any("oauth" not in call.path for call in vendor.crm.calls))
            await world.until(lambda: all(row.due > world.clock() for row in world.rows() if row.due))
        assert vendor.crm.created == []
        assert vendor.scored() == {}
        assert len(world.rows()) == 2

    async def test_one_record_bears_one_leads_score(self, vendor: Vendor) -> None:
        [id_] = vendor.people(1)
        world = world_of(vendor, "  direction: write")
        async with world.running():
            world.traits["u-1"] = {f"crm.{vendor.name}.id": id_}
            await world.score("u-1")
            await world.until(lambda: vendor.scored() == {id_: 50.0})
            world.traits["u-2"] = {"email": "LEAD0@acme.example"}
            world.scores["u-2"] = 90.0
            await world.score("u-2")
            await world.until(lambda: len(world.park.parked) == 1)
        [(_, lead, reason)] = world.park.parked
        assert (lead, reason[:37]) == ("u-2", "the record bears another lead's score")
        assert vendor.scored() == {id_: 50.0}

    async def test_what_is_asked_for_again_is_told_again_or_parked_again(self, vendor: Vendor) -> None:
        ids = vendor.people(1)
        vendor.refuse(ids)
        world = world_of(vendor)
        async with world.running():
            await world.until(lambda: len(world.park.parked) == 1)
            [(trace, lead, _)] = world.park.parked
            await world.ask_again(trace, lead, vendor.name)
            await world.until(lambda: len(world.park.parked) == 2)
            vendor.refuse([])
            await world.ask_again(trace, lead, vendor.name)
            await world.until(lambda: vendor.scored() == {ids[0]: 50.0})
        assert len(world.park.parked) == 2

    async def test_an_erased_lead_leaves_no_row_and_does_not_come_back(self, vendor: Vendor) -> None:
        ids = vendor.people(2)
        world = world_of(vendor)
        async with world.running() as engine:
            await world.until(lambda: len(vendor.scored()) == 2)
            await world.quiet(vendor.crm.calls)
            keys = [
                (number, key)
                for number, rows in world.table.held.items()
                for key, data in rows.items()
                if engine.lead_of(key, data) == email(0)
            ]
            assert len(keys) == 2, "what it was told, and its record"
            world.erased.add(email(0))
            for number, key in keys:  # as the member does
                await world.table.put(number, {key: None})
                engine.forgot(number, [key])
            seen = len(world.events)
            vendor.promote(ids[0], "DG")
            await world.quiet(vendor.crm.calls)
        assert len(world.events) == seen
        held = [data for rows in world.table.held.values() for data in rows.values()]
        assert not any(email(0).encode() in data for data in held)

    async def test_what_still_comes_of_an_erased_lead_makes_no_row_and_is_not_parked(
        self, vendor: Vendor
    ) -> None:
        """Scores and alerts that waited while it was away; and what a CRM refuses while the order comes."""
        ids = vendor.people(2)
        vendor.refuse(ids[:1])
        world = world_of(vendor, "  direction: write\n")
        world.traits["u-1"] = world.traits["u-2"] = {"email": email(0)}
        world.traits["u-3"] = {"email": email(1)}
        world.erased.add("u-2")
        note = vendor.crm.note

        def erased_meanwhile(*told: Any) -> Any:
            for rows in world.table.held.values():
                rows.clear()
            return note(*told)

        async with world.running():
            await world.alert("u-2", "a-2", traits={"email": email(0)})
            await world.score("u-1", "u-2")
            assert {row.lead for row in world.rows() if not isinstance(row, CursorRow)} == {"u-1"}
            vendor.crm.note = erased_meanwhile  # type: ignore[method-assign]
            await world.until(lambda: vendor.writes() > 0)
            vendor.crm.note = note  # type: ignore[method-assign]
            await world.score("u-3")
            await world.until(lambda: vendor.scored() == {ids[1]: 50.0})
        assert world.park.parked == []


class Suite(BothWays):
    """Inherited with a fixture `vendor`."""

    async def test_a_task_is_made_once(self, vendor: Vendor) -> None:
        [id_] = vendor.people(1)
        world = world_of(vendor)
        async with world.running():
            await world.until(lambda: len(vendor.scored()) == 1)
            await world.alert(email(0), "a-1")
            await world.until(lambda: len(vendor.tasks()) == 1)
            await world.alert(email(0), "a-1")
            await world.alert(email(0), "a-2", do=[{"alert": "sales"}])
            await world.until(lambda: _tasks_done(world))
            await world.alert(email(0), "a-1")
            world.clock.advance(3 * 86_400)
            await world.until(lambda: not any(isinstance(row, TaskRow) for row in world.rows()))
        assert vendor.tasks() == [("LeadHeat : appeler (50 points, hot)", id_)]

    async def test_a_task_is_made_though_its_alert_comes_before_the_score(self, vendor: Vendor) -> None:
        """As Kafka may hand them out, most of all after a pause, when many scores wait."""
        [id_] = vendor.people(1)
        world = world_of(vendor, "  direction: write\n")
        async with world.running():
            await world.alert("anonymous", "a-0")
            await world.alert("u-1", "a-1", traits={"email": email(0)})
            await world.until(lambda: _tasks_done(world) and len(vendor.tasks()) == 1)
        assert [record for _, record in vendor.tasks()] == [id_]
        assert [row.lead for row in world.rows()] == ["u-1"], "of nobody whom the CRM could know"

    async def test_a_task_cut_off_after_it_was_made_is_not_made_again(self, vendor: Vendor) -> None:
        vendor.people(1)
        world = world_of(vendor)
        async with world.running():
            await world.until(lambda: len(vendor.scored()) == 1)
            await world.alert(email(0), "a-1")
            await world.until(lambda: _tasks_done(world))
        _undo_the_task(world)
        async with world.running():
            await world.until(lambda: _tasks_done(world))
        assert len(vendor.tasks()) == 1
