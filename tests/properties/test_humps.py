"""A score that rises or dips between two events, and comes back, changes the tier both times."""

from hypothesis import given
from hypothesis import strategies as st

from scorer import files
from scorer.grid import parse_grid
from scorer.plan import Plan
from tests.oracle import naive_score, naive_transitions
from tests.oracle.agreement import transition_differences
from tests.oracle.lines import DAY
from tests.properties.effort import examples
from tests.properties.grids import text
from tests.properties.logs import START, Told, lines

SAMPLES = 60
HALF_LIVES = ["6h", "1d", "36h", "7d", "2w"]


def grid(rises: float, falls: float, rising: str, falling: str, bound: float) -> Told:
    """Points above 0 and points below 0 for the same event, each fading by its own half-life."""
    shared = {"score": "all", "event": "page_view"}
    return {
        "grid": "humps",
        "version": 1,
        "scores": {"all": {"min": -500, "max": 500}},
        "criteria": [
            {"id": "plus", "points": rises, "half_life": rising, **shared},
            {"id": "minus", "points": -falls, "half_life": falling, **shared},
            {"id": "fixed", "points": 50, "score": "all"},
        ],
        "tiers": [{"id": "cold"}, {"id": "warm", "from": bound}],
    }


@examples(60)
@given(
    st.floats(5, 60),
    st.floats(5, 60),
    st.lists(st.sampled_from(HALF_LIVES), min_size=2, max_size=2, unique=True),
    st.lists(st.floats(0, 6), min_size=1, max_size=3),
    st.floats(0.02, 0.999),
)
def test_crossings_there_and_back_are_found(
    rises: float, falls: float, half_lives: list[str], days: list[float], part: float
) -> None:
    log = [
        {"id": f"e{number}", "type": "page_view", "lead_id": "u", "time": f"2026-10-12T06:00:0{number}Z"}
        if day == 0
        else {"id": f"e{number}", "type": "page_view", "lead_id": "u",
              "time": f"2026-10-{12 + int(day)}T{6 + int(day % 1 * 17):02}:00:0{number}Z"}
        for number, day in enumerate(days)
    ]  # fmt: skip
    slow, fast = half_lives
    flat = grid(rises, falls, slow, fast, bound=0)
    at = START + 60 * DAY
    sampled = [
        naive_score(lines(log), flat, START + number * 40 * DAY // SAMPLES) for number in range(1, SAMPLES)
    ]
    scores = [records[0]["score"] for records in sampled if records]
    hump = grid(rises, falls, slow, fast, bound=min(scores) + part * (max(scores) - min(scores)))
    plan = Plan(parse_grid(text(hump), "humps.yml"))
    found = files.transitions(lines(log), plan, at)
    assert transition_differences(found, naive_transitions(lines(log), hump, at), at) == []
