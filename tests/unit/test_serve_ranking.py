"""The hottest leads by the threshold algorithm: what sorting every lead gives."""

from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from connectors.serve.ranking import Bounded, hottest, merged

scores = st.one_of(st.integers(-3, 6).map(float), st.floats(-100, 160))


@st.composite
def leads(draw: st.DrawFn) -> dict[str, tuple[float, float]]:
    """Leads with a bound and a score that isn't above it."""
    drawn = draw(st.lists(st.tuples(scores, st.one_of(st.just(0.0), st.floats(0, 50))), max_size=40))
    return {f"u-{number}": (score + above, score) for number, (score, above) in enumerate(drawn)}


async def chunks(bounds: list[Bounded], size: int, read: list[str]) -> AsyncIterator[list[Bounded]]:
    for start in range(0, len(bounds), size):
        chunk = bounds[start : start + size]
        read += [lead for _, lead in chunk]
        yield chunk


@given(leads(), st.integers(1, 45), st.integers(1, 9), st.integers(0, 40))
async def test_equals_sorting_every_lead(
    found: dict[str, tuple[float, float]], count: int, size: int, skipped: int
) -> None:
    async def score(wanted: Sequence[str]) -> dict[str, float]:
        return {lead: found[lead][1] for lead in wanted}

    ranked = sorted(((score, lead) for lead, (_, score) in found.items()), key=lambda one: (-one[0], one[1]))
    bounds = sorted(((bound, lead) for lead, (bound, _) in found.items()), reverse=True)
    assert await hottest(chunks(bounds, size, []), score, count) == ranked[:count]
    if skipped < len(ranked):
        after = ranked[skipped]
        page = await hottest(chunks(bounds, size, []), score, count, after)
        assert page == ranked[skipped + 1 : skipped + 1 + count]


async def test_reads_no_further_than_it_must() -> None:
    bounds = [(100.0 - number, f"u-{number:04}") for number in range(1_000)]

    async def score(wanted: Sequence[str]) -> dict[str, float]:
        return {lead: 90.0 - int(lead[2:]) for lead in wanted}

    read: list[str] = []
    best = await hottest(chunks(bounds, 10, read), score, 5)
    assert [lead for _, lead in best] == [f"u-{number:04}" for number in range(5)]
    assert len(read) <= 30


@given(
    st.lists(
        st.lists(st.integers(0, 20).map(lambda number: (number, "x")), max_size=12).map(sorted), max_size=5
    )
)
async def test_merged_sources_are_in_order(sources: list[list[tuple[int, str]]]) -> None:
    async def feed(source: list[tuple[int, str]]) -> AsyncIterator[list[tuple[int, str]]]:
        for start in range(0, len(source), 3):
            yield source[start : start + 3]

    found = [item async for chunk in merged([feed(one) for one in sources], 4) for item in chunk]
    assert found == sorted(item for source in sources for item in source)
