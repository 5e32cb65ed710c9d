"""Dynamics 365 through a strict stand-in: both ways, throttled, with failures, nothing by accident."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.sync.rows import LeadRow
from tests.sync.dataverse import CLIENT, OWN, SECRET, TENANT, Dataverse
from tests.sync.rig import World
from tests.sync.standin import FastClock, Window, serving

_MORE = """
  read:
    every: 5s
    outcomes: {statuscode: {"4": rejected, "3": accepted}, opportunity.statecode: {"1": won, "2": lost}}
  write: {language: en}
"""


def _text(crm: Dataverse, more: str = _MORE) -> str:
    return f"""
dynamics:
  kind: dynamics
  url: {crm.url}
  auth: {{authority: "{crm.url}", tenant: {TENANT}, client_id: {CLIENT}, client_secret: {{env: SECRET}}}}
{more.strip(chr(10))}
"""


@pytest.fixture
async def crm() -> AsyncIterator[Dataverse]:
    dataverse = Dataverse(FastClock())
    dataverse.columns |= OWN
    async with serving(dataverse.app(), dataverse.port):
        yield dataverse


def _world(crm: Dataverse, more: str = _MORE) -> World:
    assert isinstance(crm.clock, FastClock)
    return World(_text(crm, more), {"SECRET": SECRET}, crm.clock)


def _people(crm: Dataverse, count: int) -> list[str]:
    return [
        crm.add_lead(emailaddress1=f"Lead{number}@acme.example", lastname=f"Lead {number}", jobtitle="CEO")
        for number in range(count)
    ]


def _told(crm: Dataverse) -> list[str]:
    return [id_ for id_, row in crm.leads.rows.items() if row["leadheat_score"] is not None]


async def test_a_thousand_leads_both_ways(crm: Dataverse) -> None:
    ids = _people(crm, 1_000)
    crm.bad = set(ids[::20])
    crm.window = Window(3, 60.0, crm.clock)
    before = {
        id_: {name: row[name] for name in row if name not in OWN} for id_, row in crm.leads.rows.items()
    }
    world = _world(crm)
    async with world.running():
        await world.until(
            lambda: len(_told(crm)) == 950 and len(world.park.parked) == 50, "for all to be told"
        )
        await world.quiet(crm.calls)
        seen, written = len(world.events), _writes(crm)
        await world.quiet(crm.calls)
        assert (len(world.events), _writes(crm)) == (seen, written), "a loop"
        for id_ in ids[:100]:
            crm.edit(id_, jobtitle="DG", statuscode=4)
        await world.until(lambda: len(world.events) >= seen + 200, "for what people changed")
        await world.quiet(crm.calls)
    assert len(world.events) == seen + 200
    assert Counter(event["type"] for event in world.events) == {"identify": 1_100, "outcome": 100}
    assert len({event["id"] for event in world.events}) == len(world.events)
    refused = {f"lead{number}@acme.example" for number in range(0, 1_000, 20)}
    assert {lead for _, lead, _ in world.park.parked} == refused
    assert all("territory" in reason for *_, reason in world.park.parked)
    assert crm.created == []
    assert crm.foreign == {}
    assert crm.count(429) > 0
    for id_, values in before.items():
        now = {name: crm.leads.rows[id_][name] for name in values if name != "modifiedon"}
        kept = {name: value for name, value in values.items() if name != "modifiedon"}
        assert now == kept | ({"jobtitle": "DG", "statuscode": 4} if id_ in ids[:100] else {})
    row = crm.leads.rows[ids[1]]
    assert {name: row[name] for name in OWN} == {
        "leadheat_score": 50.0,
        "leadheat_grade": "B",
        "leadheat_trend": "not enough info",
        "leadheat_tier": "warm",
        "leadheat_reasons": "Saw the pricing page +50",
        "leadheat_leadid": "lead1@acme.example",
    }


def _writes(crm: Dataverse) -> int:
    return sum(call.method != "GET" and "token" not in call.path for call in crm.calls)


async def test_only_news_is_told(crm: Dataverse) -> None:
    [id_] = _people(crm, 1)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 1)
        await world.quiet(crm.calls)
        lead, written = "lead0@acme.example", _writes(crm)
        world.scores[lead] = 54.9
        await world.score(lead)
        await world.quiet(crm.calls)
        assert _writes(crm) == written
        world.scores[lead] = 55.0
        await world.score(lead)
        await world.until(lambda: crm.leads.rows[id_]["leadheat_score"] == 55.0)


async def test_a_score_that_fades_is_told_again(crm: Dataverse) -> None:
    [id_] = _people(crm, 1)
    world = _world(crm)
    world.rescore = False
    async with world.running():
        await world.until(lambda: len(world.events) == 1)
        lead = "lead0@acme.example"
        as_of = world.record(lead)["as_of"]
        await world.score(lead, fading=[["pricing-page", 50.0, 86_400.0, as_of, None]])
        await world.until(lambda: len(_told(crm)) == 1)
        first = crm.leads.rows[id_]["leadheat_score"]
        crm.clock.advance(2 * 86_400)  # type: ignore[attr-defined]
        await world.until(lambda: crm.leads.rows[id_]["leadheat_score"] < first - 5)
        assert crm.leads.rows[id_]["leadheat_trend"] in ("declining", "not enough info")


async def test_cut_off_anywhere_nothing_is_lost_or_doubled(crm: Dataverse) -> None:
    ids = _people(crm, 300)
    crm.bad = set(ids[::20])
    crm.window = Window(3, 60.0, crm.clock)
    world = _world(crm)
    for cut in range(1, 13):
        async with world.running():
            enough = len(crm.calls) + 3
            await world.until(
                lambda enough=enough: len(crm.calls) >= enough or len(_told(crm)) == 285  # type: ignore[misc]
            )
        assert cut
    async with world.running():
        await world.until(
            lambda: len(_told(crm)) == 285 and len({one for _, one, _ in world.park.parked}) == 15
        )
    identified = Counter(
        event["lead_id"] for event in {event["id"]: event for event in world.events}.values()
    )
    assert identified == {f"lead{number}@acme.example": 1 for number in range(300)}
    assert crm.created == []


async def test_an_expired_delta_link_reads_everything_anew_and_says_nothing_twice(crm: Dataverse) -> None:
    ids = _people(crm, 30)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 30)
        await world.quiet(crm.calls)
    seen = len(world.events)
    crm.delete(ids[3])
    crm.edit(ids[4], jobtitle="DSI")
    crm.clock.advance(8 * 86_400)  # type: ignore[attr-defined]
    async with world.running():
        await world.until(lambda: len(world.events) == seen + 2)
        await world.quiet(crm.calls)
    told = {event["lead_id"]: event["traits"] for event in world.events[seen:]}
    assert told == {"lead3@acme.example": {"crm.dynamics.id": None}, "lead4@acme.example": {"title": "DSI"}}


async def test_a_deleted_lead_is_not_written_to_nor_made_again(crm: Dataverse) -> None:
    ids = _people(crm, 2)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 2)
        crm.delete(ids[0])
        world.scores["lead0@acme.example"] = 80.0
        await world.score("lead0@acme.example")
        await world.until(lambda: "crm.dynamics.id" not in world.traits["lead0@acme.example"])
        await world.quiet(crm.calls)
    assert list(crm.leads.rows) == [ids[1]]
    assert crm.created == []


async def test_merged_leads_become_one(crm: Dataverse) -> None:
    ids = _people(crm, 2)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 2)
        await world.quiet(crm.calls)
        seen = len(world.events)
        crm.merge(ids[1], ids[0])
        await world.until(lambda: len(world.events) == seen + 2)
        alias, tie = world.events[seen:]
        assert (alias["type"], alias["lead_id"], alias["properties"]) == (
            "alias",
            "lead1@acme.example",
            {"previous_id": "lead0@acme.example"},
        )
        assert (tie["lead_id"], tie["traits"]) == ("lead1@acme.example", {"crm.dynamics.id": ids[1]})
        written = crm.leads.rows[ids[0]]["leadheat_score"]
        world.scores["lead1@acme.example"] = 90.0
        await world.score("lead1@acme.example", identities=["lead1@acme.example", "lead0@acme.example"])
        await world.until(lambda: crm.leads.rows[ids[1]]["leadheat_score"] == 90.0)
    assert crm.leads.rows[ids[0]]["leadheat_score"] == written


async def test_a_lead_that_was_merged_before_anybody_read_it_is_followed_to_its_master(
    crm: Dataverse,
) -> None:
    ids = _people(crm, 2)
    crm.merge(ids[1], ids[0])
    world = _world(crm, "  direction: write\n  write: {language: en}")
    async with world.running():
        world.traits["u-1"] = {"crm.dynamics.id": ids[0]}
        await world.score("u-1")
        await world.until(lambda: crm.leads.rows[ids[1]]["leadheat_score"] == 50.0)
    assert crm.leads.rows[ids[0]]["leadheat_score"] is None


async def test_one_record_bears_one_leads_score(crm: Dataverse) -> None:
    [id_] = _people(crm, 1)
    world = _world(crm, "  direction: write\n  write: {language: en}")
    async with world.running():
        world.traits["u-1"] = {"crm.dynamics.id": id_}
        await world.score("u-1")
        await world.until(lambda: len(_told(crm)) == 1)
        world.traits["u-2"] = {"email": "LEAD0@acme.example"}
        world.scores["u-2"] = 90.0
        await world.score("u-2")
        await world.until(lambda: len(world.park.parked) == 1)
    assert world.park.parked[0][1:] == (
        "u-2",
        "the record bears another lead's score: make the two one, there or here",
    )
    assert crm.leads.rows[id_]["leadheat_score"] == 50.0


async def test_whom_the_crm_does_not_know_it_is_not_told_of(crm: Dataverse) -> None:
    world = _world(crm, "  direction: write\n  write: {language: en}")
    async with world.running():
        world.traits["u-1"] = {"email": "nobody@acme.example"}
        world.traits["u-2"] = {"crm.dynamics.id": "00000000-0000-4000-8000-000000000009"}
        await world.score("u-1", "u-2", "anonymous")
        await world.until(lambda: sum("leads" in call.path for call in crm.calls) >= 2)
    assert crm.leads.rows == {}
    assert crm.created == []
    assert _writes(crm) == 0
    assert len(world.rows()) == 2


async def test_outcomes_come_with_the_crms_moment(crm: Dataverse) -> None:
    [id_] = _people(crm, 1)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 1)
        crm.add_opportunity(id_, statecode=1, actualclosedate="2026-05-04")
        await world.until(lambda: world.events[-1]["type"] == "outcome")
        await world.quiet(crm.calls)
    [won] = [event for event in world.events if event["type"] == "outcome"]
    assert (won["lead_id"], won["time"]) == ("lead0@acme.example", "2026-05-04T00:00:00Z")
    assert won["properties"] == {"outcome": "won", "by": "dynamics", "stage": "opportunity.statecode=1"}


async def test_a_task_is_made_once(crm: Dataverse) -> None:
    [id_] = _people(crm, 1)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 1)
        await world.alert("lead0@acme.example", "a-1")
        await world.until(lambda: len(crm.tasks.rows) == 1)
        await world.alert("lead0@acme.example", "a-1")
        await world.alert("lead0@acme.example", "a-2", do=[{"alert": "sales"}])
        await world.until(lambda: not any(type(row).__name__ == "TaskRow" for row in world.rows()))
    [task] = crm.tasks.rows.values()
    assert task["subject"] == "LeadHeat: call (50 points, hot)"
    assert task["description"] == "Pricing +20"
    assert task["regardingobjectid_lead_task@odata.bind"] == f"/leads({id_})"


async def test_tokens_end_and_are_taken_back(crm: Dataverse) -> None:
    _people(crm, 1)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 1)
        crm.clock.advance(3_600)  # type: ignore[attr-defined]
        await world.quiet(crm.calls)
        assert crm.count(401) == 0, "a token is changed before it ends"
        crm.revoke()
        await world.quiet(crm.calls)
    assert crm.count(401) == 1


async def test_where_the_table_takes_no_bulk_each_lead_is_told_for_itself(crm: Dataverse) -> None:
    _people(crm, 30)
    crm.bulk = False
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 30)
    assert crm.created == []


async def test_the_predictive_score_is_told_in_its_own_words(crm: Dataverse) -> None:
    [id_] = _people(crm, 1)
    world = _world(crm, "  predictive_score: true\n  write: {language: en, fields: {}}")
    async with world.running():
        await world.until(lambda: id_ in crm.scores)
    told = crm.scores[id_]
    assert (told["msdyn_score"], told["msdyn_grade"], told["msdyn_scoretrend"]) == (50, 1, 3)
    assert _told(crm) == []


async def test_an_erased_lead_leaves_no_row(crm: Dataverse) -> None:
    _people(crm, 2)
    world = _world(crm)
    async with world.running() as engine:
        await world.until(lambda: len(_told(crm)) == 2)
        lead = "lead0@acme.example"
        keys = [
            (partition, key)
            for partition, held in world.table.held.items()
            for key, data in held.items()
            if engine.lead_of(key, data) == lead
        ]
        assert len(keys) == 2, "what it was told, and the record"
        world.erased.add(lead)
        for partition, key in keys:  # as the member does
            await world.table.put(partition, {key: None})
        engine.forgot(0, [key for _, key in keys])
        seen = len(world.events)
        crm.edit(next(iter(crm.leads.rows)), jobtitle="DG")
        await world.quiet(crm.calls)
    assert len(world.events) == seen
    assert not any(isinstance(row, LeadRow) and row.lead == lead for row in world.rows())


async def test_check_names_all_that_is_missing(crm: Dataverse) -> None:
    crm.columns = {name: kind for name, kind in crm.columns.items() if name not in OWN and name != "jobtitle"}
    crm.tracking = False
    crm.has_scores = False
    world = _world(crm, "  predictive_score: true")
    found = await _asked(world, "check")
    assert found == [
        "the lead table has no column jobtitle: take it out of `read`",
        *(
            f"the lead table has no column {column} for {ours}: `leadheat sync --prepare` makes it"
            for ours, column in zip(
                ("score", "grade", "trend", "tier", "reasons", "lead_id"), OWN, strict=True
            )
        ),
        "the lead table has no change tracking: switch `Track changes` on in Power Apps",
        "no table msdyn_predictivescore: install Predictive Scoring, or leave predictive_score out",
    ]


async def test_check_says_that_a_secret_is_wrong(crm: Dataverse) -> None:
    world = _world(crm)
    world.environment = {"SECRET": "wrong"}
    [said] = await _asked(world, "check")
    assert said.startswith("Microsoft Entra ID gives no token: AADSTS7000215")
    assert "wrong" not in said


async def test_prepare_makes_our_columns_after_it_said_which(crm: Dataverse) -> None:
    crm.columns = {name: kind for name, kind in crm.columns.items() if name not in OWN}
    world = _world(crm)
    said = await _asked(world, "prepare", do=False)
    assert not OWN.keys() & crm.columns.keys()
    assert said[0] == "column leadheat_score on lead (Double), for score"
    assert await _asked(world, "prepare", do=True) == said
    assert crm.columns.items() >= OWN.items()
    assert await _asked(world, "prepare", do=True) == []
    assert await _asked(world, "check") == []


async def _asked(world: World, name: str, **arguments: Any) -> Any:
    async with world.connected() as crms:
        [(_, crm)] = crms.values()
        return await getattr(crm, name)(**arguments)
