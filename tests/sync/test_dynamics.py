"""Dynamics 365 through a strict stand-in: both ways, throttled, with failures, nothing by accident."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.sync.dataverse import CLIENT, OWN, SECRET, TENANT, Dataverse
from tests.sync.rig import World
from tests.sync.standin import FastClock, Window, serving
from tests.sync.suite import Suite

_READ = """  read:
    every: 5s
    outcomes: {statuscode: {"4": rejected, "3": accepted}, opportunity.statecode: {"1": won, "2": lost}}
"""
_MORE = f"{_READ}  write: {{language: en}}\n"


class DynamicsVendor:
    """The stand-in as the suite wants it."""

    name = "dynamics"
    environment: Mapping[str, str] = {"SECRET": SECRET}

    def __init__(self, crm: Dataverse) -> None:
        self.crm = crm

    def text(self, more: str = "") -> str:
        return _text(self.crm, more or _READ)

    def people(self, count: int) -> list[str]:
        return _people(self.crm, count)

    def scored(self) -> dict[str, float]:
        told = {id_: row["leadheat_score"] for id_, row in self.crm.leads.rows.items()}
        return {id_: score for id_, score in told.items() if score is not None}

    def theirs(self) -> dict[str, dict[str, Any]]:
        ours = {*OWN, "modifiedon"}
        return {
            id_: {name: row[name] for name in row if name not in ours}
            for id_, row in self.crm.leads.rows.items()
        }

    def promote(self, id_: str, title: str) -> None:
        self.crm.edit(id_, jobtitle=title, statuscode=4)

    def refuse(self, ids: list[str]) -> None:
        self.crm.bad = set(ids)

    def slow(self) -> None:
        self.crm.hurry = 5

    def writes(self) -> int:
        return sum(call.method != "GET" and "oauth" not in call.path for call in self.crm.calls)

    def tasks(self) -> list[tuple[str, str]]:
        bound = "regardingobjectid_lead_task@odata.bind"
        return [(row["subject"], row[bound][7:-1]) for row in self.crm.tasks.rows.values()]


class TestDynamics(Suite):
    """The suite."""

    @pytest.fixture
    def vendor(self, crm: Dataverse) -> DynamicsVendor:
        return DynamicsVendor(crm)


def _text(crm: Dataverse, more: str) -> str:
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


async def test_tokens_end_and_are_taken_back(crm: Dataverse) -> None:
    _people(crm, 1)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 1)
        crm.clock.advance(3_400)  # type: ignore[attr-defined]
        await world.until(lambda: sum("oauth" in call.path for call in crm.calls) == 2, "for a new token")
        assert crm.count(401) == 0
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


async def test_who_goes_on_while_throttled_waits_longer_so_nobody_does(crm: Dataverse) -> None:
    _people(crm, 30)
    crm.window = Window(4, 60.0, crm.clock)
    world = _world(crm)
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 30)
        await world.quiet(crm.calls)
    refused = [index for index, call in enumerate(crm.calls) if call.status == 429]
    assert refused
    assert len(refused) < len(crm.calls) / 2, "it didn't wait as it was told"


async def test_a_task_is_due_within_what_the_play_says(crm: Dataverse) -> None:
    _people(crm, 1)
    world = _world(crm)
    at = "2026-09-22T08:00:00Z"
    async with world.running():
        await world.until(lambda: len(_told(crm)) == 1)
        wanted = [{"task": {"call": "Call about the demo", "within": "4h", "escalate": "managers"}}]
        await world.alert("lead0@acme.example", "a-1", at=at, due=at, do=wanted)
        await world.quiet(crm.calls)
        assert crm.tasks.rows == {}, "not before its hours"
        crm.clock.advance(86_400)  # type: ignore[attr-defined]
        await world.until(lambda: len(crm.tasks.rows) == 1)
    [task] = crm.tasks.rows.values()
    assert (task["subject"], task["scheduledend"]) == (
        "LeadHeat: Call about the demo (50 points, hot)",
        "2026-09-22T12:00:00Z",
    )
