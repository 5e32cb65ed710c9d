"""In a stream too, any order of arrival and merges, any copies and batches give the naive scores."""

import itertools
import json
import random

from hypothesis import given
from hypothesis import strategies as st

from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.reading import Reader
from tests.oracle import naive_score
from tests.oracle.agreement import differences
from tests.oracle.lines import DAY, micros
from tests.partitioned import Stream
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import START, Told, lines, logs

SEEDS = st.integers(0, 1 << 32)
END = START + 73 * DAY
OF_THE_WALK = (": tier ", ": since ")  # the one thing that order of arrival may change
VISITORS = ("a-1", "a-2", "a-3")


def streamed(arrivals: list[Told], grid: Told, seed: int) -> list[Told]:
    """The scores at the end, of events that came in this order, in batches of any size."""
    chance = random.Random(seed)
    stream = Stream(Plan(parse_grid(text(grid), "generated.yml")))
    now = START
    for told in arrivals:
        now = max(now, micros(told["time"]))
        stream.publish(json.dumps(told).encode(), now)
        if chance.random() < 0.5:
            stream.cycle(chance.randrange(stream.partitions), chance.randint(1, 5))
    stream.drain(chance.choice)
    stream.advance(END)
    reader = Reader(stream.plan)
    records = [reader.at(record, END) for record in stream.scores.values()]
    return sorted(records, key=lambda record: (-record["score"], record["lead_id"]))


def apart(found: list[Told], log: list[Told], grid: Told) -> list[str]:
    """What the stream and the oracle do not say the same of."""
    said = differences(found, naive_score(lines(log), grid, END))
    return [one for one in said if not any(word in one for word in OF_THE_WALK)]


@examples(40)
@given(logs(identity=False, all_ids=True, copies=False), grids(), st.data(), SEEDS)
def test_order_copies_and_batches_change_no_score(
    log: list[Told], grid: Told, data: st.DataObject, seed: int
) -> None:
    copies = data.draw(st.lists(st.sampled_from(log), max_size=5))
    arrivals = data.draw(st.permutations(log + copies))
    assert apart(streamed(arrivals, grid, seed), log, grid) == []


@examples(40)
@given(logs(identity=False, all_ids=True, copies=False, most=10), grids(), st.data(), SEEDS)
def test_ties_in_any_order_give_the_same_leads(
    log: list[Told], grid: Told, data: st.DataObject, seed: int
) -> None:
    """Each visitor is one person: a shared computer's ties count by arrival, as the contract says."""
    later = {"time": "2026-10-20T08:00:00Z"}
    for name in VISITORS:
        lead = data.draw(st.sampled_from(["u-1", "u-2", "u-9"]))
        log = [
            *log,
            {"id": f"tie-{name}", "type": "identify", "anonymous_id": name, "lead_id": lead, **later},
            {"id": f"visit-{name}", "type": "page_view", "anonymous_id": name, **later},
            {"id": f"early-{name}", "type": "download", "anonymous_id": name, "time": "2026-10-13T08:00:00"},
        ]
    arrivals = data.draw(st.permutations(log))
    assert apart(streamed(arrivals, grid, seed), log, grid) == []


@examples(40)
@given(logs(identity=False, all_ids=True, copies=False, most=10), grids(), st.data(), SEEDS)
def test_known_leads_merge_in_any_order(log: list[Told], grid: Told, data: st.DataObject, seed: int) -> None:
    known = [
        {"id": f"known-{lead}", "type": "page_view", "lead_id": lead, "time": "2026-10-13T08:00:00"}
        for lead in ("u-1", "u-2", "ü 3")
    ]
    chain = [
        {"id": f"alias-{old}", "type": "alias", "lead_id": new, "properties": {"previous_id": old},
         "time": "2026-10-20T08:00:00"}
        for old, new in itertools.pairwise(["u-2", "u-1", "ü 3"])
    ]  # fmt: skip
    arrivals = known + data.draw(st.permutations(log + chain))
    found = streamed(arrivals, grid, seed)
    assert [record["lead_id"] for record in found] == ["ü 3"]
    assert apart(found, log + known + chain, grid) == []
