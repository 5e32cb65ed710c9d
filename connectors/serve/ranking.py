"""The hottest leads, from stored bounds that only ever lie above today's scores.

The threshold algorithm (Fagin, Lotem, Naor, *Optimal Aggregation Algorithms for Middleware*, PODS 2001):
leads are read by descending bound until the next bound lies below the last score of the page.
"""

import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

Bounded = tuple[float, str]
"""An upper bound (points) and the lead it is of."""
Scored = tuple[float, str]
"""A score (points) and its lead."""

_SLACK: Final = 1e-9
"""Relative: bound and score are sums of the same points in another order."""
Item = TypeVar("Item")


async def hottest(
    bounds: AsyncIterator[Sequence[Bounded]],
    score: Callable[[Sequence[str]], Awaitable[dict[str, float]]],
    count: int,
    after: Scored | None = None,
    *,
    every: bool = False,
) -> list[Scored]:
    """The leads with the highest scores, highest first, ties by lead; those after a place in that order.

    `bounds` gives chunks by descending bound; `score` the exact scores, leaving out leads that don't count.
    `every`: the bounds don't hold, every lead is looked at.
    """
    best: list[tuple[float, str]] = []  # (-score, lead): what sorts first is hottest
    floor = None if after is None else (-after[0], after[1])
    async for chunk in bounds:
        exact = await score([lead for _, lead in chunk])
        found = ((-points, lead) for lead, points in exact.items())
        best = heapq.nsmallest(count, [*best, *(one for one in found if floor is None or one > floor)])
        lowest = chunk[-1][0]
        if not every and len(best) >= count and lowest + _SLACK * max(1.0, abs(lowest)) < -best[-1][0]:
            break
    return [(-negative, lead) for negative, lead in best]


async def merged(sources: Sequence[AsyncIterator[list[Item]]], size: int) -> AsyncIterator[list[Item]]:
    """Chunks of the items of several sorted sources, in their order."""
    feeds = list(sources)
    heads = [[*await anext(feed, [])][::-1] for feed in feeds]
    chunk: list[Item] = []
    while True:
        full = [at for at, head in enumerate(heads) if head]
        if not full:
            break
        first = min(full, key=lambda at: heads[at][-1])
        chunk.append(heads[first].pop())
        if not heads[first]:
            heads[first] = [*await anext(feeds[first], [])][::-1]
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
