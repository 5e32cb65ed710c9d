"""Timers: each key is due at its own moment and at no other, however often it was set anew."""

from hypothesis import given
from hypothesis import strategies as st

from scorer.times import DAY, FOREVER, SECOND
from scorer.wakes import Wakes
from tests.properties.effort import examples

START = 1_790_000_000 * SECOND
KEYS = [b"a", b"b", b"c", b"d"]
MOMENTS = st.one_of(
    st.integers(-2 * SECOND, 2 * SECOND),
    st.integers(-DAY, 2 * DAY),
    st.integers(0, 900 * DAY),
    st.just(FOREVER - START),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(KEYS), MOMENTS),
        st.tuples(st.just(b""), st.integers(0, 400 * DAY)),
    ),
    max_size=40,
)


@given(STEPS)
@examples(300)
def test_every_key_is_due_at_its_moment(steps: list[tuple[bytes, int]]) -> None:
    now = START
    last: dict[bytes, int] = {}  # what each key was last set to
    waiting: dict[bytes, int] = {}
    wakes = Wakes(last.__getitem__)
    for key, span in steps:
        if key:
            wake = min(now + span, FOREVER)
            wakes.set(key, wake, last.get(key, FOREVER))
            last[key] = wake
            waiting.pop(key, None)
            if wake < FOREVER:
                waiting[key] = wake
            continue
        now += span
        due = []
        while (found := wakes.due(now)) is not None:
            due.append((waiting[found], found))
        assert due == sorted((wake, one) for one, wake in waiting.items() if wake <= now)
        waiting = {one: wake for one, wake in waiting.items() if wake > now}
        told = wakes.next()
        assert (told is None) == (not waiting)
        assert told is None or told <= min(waiting.values())


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 100)), max_size=30))
@examples(50)
def test_what_is_dropped_is_never_due(steps: list[tuple[bytes, int]]) -> None:
    last: dict[bytes, int] = {}
    wakes = Wakes(last.__getitem__)
    for key, seconds in steps:
        wakes.set(key, START + seconds * SECOND, last.get(key, FOREVER))
        last[key] = START + seconds * SECOND
    for key, wake in last.items():
        wakes.drop(key, wake)
    assert wakes.due(START + DAY) is None


def test_memory_does_not_grow_with_how_often_they_are_set() -> None:
    last: dict[bytes, int] = {}
    wakes = Wakes(last.__getitem__)
    for round_ in range(50_000):
        key = KEYS[round_ % len(KEYS)]
        wake = START + (round_ * 7919 % 100) * (SECOND if round_ % 2 else DAY)
        wakes.set(key, wake, last.get(key, FOREVER))
        last[key] = wake
        if round_ == 100:
            assert wakes.due(START - 1) is None  # the bucket of the next hours is near from here on
    assert len(wakes._heap) <= 2 * len(KEYS) + 1_001
    assert sum(map(len, wakes._far.values())) <= len(KEYS)


def test_what_is_due_at_once_comes_first_and_keeps_its_moment() -> None:
    last = {b"a": START + DAY, b"b": START + SECOND}
    wakes = Wakes(last.__getitem__)
    for key, wake in last.items():
        wakes.set(key, wake, FOREVER)
    wakes.at_once([b"a"])
    assert wakes.next() is not None
    assert wakes.due(START) == b"a"
    assert wakes.due(START) is None
    assert [wakes.due(START + DAY), wakes.due(START + DAY)] == [b"b", b"a"]
