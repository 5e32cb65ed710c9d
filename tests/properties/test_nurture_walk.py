"""Laws of the walk through sequences, whatever happens in whatever order."""

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connectors.nurture.happenings import Gone, Happened, Happening, Raised, Scored
from connectors.nurture.row import Facts, Row, read, write
from connectors.nurture.walk import Walk
from scorer.event import check
from scorer.times import DAY, Micros
from tests.nurture_world import MONDAY, plan
from tests.properties.effort import examples

PLAN = plan()
WEEK = 7 * DAY
SUPPRESSING = ("unsubscribe", "email_complaint")
SEQUENCES = ("keep-warm", "cases", "urgent", "not-in-the-file")
TRAITS = st.sampled_from(
    [
        {"email": "ada@acme.example"},
        {"email": "ada@gmail.com"},
        {"email": "ada@acme.example", "consent.email": False},
        {"email": "ada@gmail.com", "consent.email": True},
        {},
    ]
)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Things that happen, times that pass, what becomes of mails."""
    one = st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 12 * DAY)),
        st.tuples(st.just("start"), st.sampled_from(SEQUENCES)),
        st.tuples(st.just("move"), st.sampled_from(SEQUENCES)),
        st.tuples(st.just("stop"), st.sampled_from((*SEQUENCES, "all"))),
        st.tuples(st.just("survey"), st.sampled_from(("delivery", "none"))),
        st.tuples(st.just("score"), st.tuples(st.sampled_from(("cold", "warm", "hot")), TRAITS)),
        st.tuples(
            st.just("event"),
            st.sampled_from((*SUPPRESSING, "email_bounce", "outcome", "demo_requested", "project_delivered")),
        ),
        st.tuples(st.just("hit"), st.sampled_from(("email_open", "email_click"))),
        st.tuples(st.just("gone"), st.none()),
    )
    usual = st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 4 * DAY)),
        st.tuples(st.just("start"), st.sampled_from(SEQUENCES)),
    )
    return draw(st.lists(usual | one, min_size=4, max_size=24))


FATES = st.lists(st.sampled_from(("sent", "sent", "sent", "later", "refused", "bounced")), max_size=20)


class _Lead:
    """A lead that goes through it, its row written and read between any two steps."""

    def __init__(self, fates: list[str]) -> None:
        self.walk = Walk(PLAN)
        self.value = write(Row("u-1"))
        self.now = MONDAY
        self.fates = fates
        self.number = 0
        self.attempts: list[tuple[int, str, bool]] = []
        """When, which mail, whether the lead was suppressed before."""

    def change(self, do: Any) -> Any:
        row = read(self.value)
        found = do(row)
        self.value = write(row)
        assert read(self.value) == row
        return found

    @property
    def row(self) -> Row:
        return read(self.value)

    def take(self, happening: Happening) -> None:
        self.change(lambda row: self.walk.take(row, happening))
        once = self.value
        self.change(lambda row: self.walk.take(row, happening))
        assert self.value == once, "what is read twice must be as read once"

    def go_on(self, until: int) -> None:
        while True:
            suppressed = bool(self.row.suppressed)
            outgoing = self.change(lambda row: self.walk.advance(row, self.now))
            if outgoing is not None:
                self.attempts.append((self.now, outgoing.message, suppressed))
                fate: Any = self.fates.pop() if self.fates else "sent"
                self.change(lambda row, out=outgoing, end=fate: self.walk.settle(row, out, end, "", self.now))
                continue
            due = self.walk.next_due(self.row)
            assert due is None or due > self.now, "what is due must be done, or it would be asked for ever"
            if due is None or due > until:
                self.now = until
                return
            self.now = due

    def do(self, kind: str, told: Any) -> None:
        self.number += 1
        at, name = Micros(self.now), f"id-{self.number}"
        facts = Facts(at, "warm", 50.0, {"email": "ada@acme.example"})
        if kind == "wait":
            self.go_on(self.now + told)
        elif kind in ("start", "move", "stop", "survey"):
            self.take(Raised(name, at, ((kind, told),), facts))
        elif kind == "score":
            self.take(Scored(Facts(at, told[0], 10.0, told[1]), ("u-1",)))
        elif kind == "gone":
            self.take(Gone(at))
        else:
            sent = self.row.sent
            properties = {"outcome": "accepted", "message_id": sent[-1].message if sent else "none"}
            event = check(
                {
                    "id": name,
                    "type": "email_open" if kind == "hit" else told,
                    "lead_id": "u-1",
                    "properties": properties,
                }
                | ({"type": told} if kind == "hit" else {})
            )
            self.take(Happened(event, at, name))
        self.go_on(self.now)


@examples(80)
@given(steps(), FATES)
def test_whatever_happens(happened: list[tuple[str, Any]], fates: list[str]) -> None:
    lead = _Lead(fates)
    for kind, told in happened:
        lead.do(kind, told)
    lead.go_on(lead.now + 60 * DAY)
    row = lead.row
    assert not any(suppressed for _, _, suppressed in lead.attempts), "a mail after an unsubscribe"
    messages = [one.message for one in row.sent]
    assert len(messages) == len(set(messages)), "a step was done twice"
    for at, _, _ in lead.attempts:
        assert PLAN.next_open(at) == at, "outside working hours"
    times = sorted(one.at for one in row.sent if one.fate == "sent")
    for early, late in zip(times, times[2:], strict=False):
        assert late - early >= WEEK, "more than two in a week"
    if row.suppressed and not row.merged:
        assert row.place is None
        assert row.outgoing is None
        assert row.waiting == []
    surveys = [one.at for one in row.sent if one.kind == "survey" and one.fate == "sent"]
    assert all(late - early >= 90 * DAY for early, late in pairwise(surveys))


@examples(150)
@given(
    st.sampled_from(
        ("email_open", "email_click", "email_bounce", "unsubscribe", "outcome", "survey_answered", "x")
    ),
    st.dictionaries(
        st.sampled_from(("outcome", "bounce", "rating", "message_id", "survey", "comment", "address_hash")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    ),
    st.dictionaries(
        st.sampled_from(("email", "consent.email", "language")), st.none() | st.booleans() | st.text()
    ),
)
def test_no_event_whatever_it_says_stops_the_walk(
    of_type: str, properties: dict[str, Any], traits: dict[str, Any]
) -> None:
    lead = _Lead([])
    lead.do("start", "keep-warm")
    lead.take(Scored(Facts(Micros(lead.now), "warm", 1.0, traits), ("u-1",)))
    event = check({"id": "e", "type": of_type, "lead_id": "u-1", "properties": properties})
    lead.take(Happened(event, Micros(lead.now), "e"))
    lead.go_on(lead.now + 30 * DAY)


@examples(20)
@given(steps(), steps())
def test_a_row_taken_over_twice_is_taken_over_once(
    mine: list[tuple[str, Any]], others: list[tuple[str, Any]]
) -> None:
    lead, other = _Lead([]), _Lead([])
    for one, happened in ((lead, mine), (other, others)):
        for kind, told in happened:
            one.do(kind, told)
    merged = msgspec.structs.replace(other.row, lead="a-1")
    row = lead.row
    lead.walk.adopt(row, merged)
    once = write(row)
    lead.walk.adopt(row, merged)
    assert write(row) == once
    assert {one.message for one in merged.sent} <= {one.message for one in row.sent}
    assert bool(row.suppressed) == bool(lead.row.suppressed or merged.suppressed)
