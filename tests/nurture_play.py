"""Plays the sample sequences over four virtual weeks for many leads, against a real mail server, as a table.

`make nurture LEADS=1000`, or `python -m tests.nurture_play --leads 1000`.
"""

import argparse
import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.ingest.link_tokens import LinkKeys
from connectors.nurture.metrics import TURNED_AWAY
from connectors.nurture.plan_reader import load_plan
from connectors.nurture.row import read
from connectors.nurture.suppression import SUPPRESSED
from scorer.times import DAY, format_time
from tests.nurture_world import (
    LINK_KEY,
    MONDAY,
    MailServer,
    Record,
    World,
    alert,
    event,
    mail_server,
    score,
    world,
)

SAMPLE: Final = Path(__file__).parents[1] / "deploy" / "sequences" / "b2b-fr.yml"
WEEKS: Final = 4
_HOUR: Final = DAY // 24
_OPENS, _CLICKS, _LEAVES, _COMPLAINS = 0.45, 0.18, 0.04, 0.004
"""Of each mail that arrives: a lively mailing, so that every way out is taken."""


@dataclass
class Played:
    """What came of it."""

    here: World
    server: MailServer
    leads: int
    left_at: dict[str, int] = field(default_factory=dict)
    """When each address unsubscribed or complained."""
    seconds: float = 0.0

    @property
    def mails(self) -> list[tuple[str, str, int]]:
        """Every mail that arrived: to whom, its Message-ID, when by the virtual clock."""
        return [
            (to, str(mail["Message-ID"]), round(mail["Date"].datetime.timestamp() * 1_000_000))
            for to, mail in self.server.inbox.mails
        ]

    @property
    def after_leaving(self) -> list[str]:
        """Addresses that got a mail after they had unsubscribed: there must be none."""
        return [to for to, _, at in self.mails if at > self.left_at.get(to, at)]


class _People:
    """How leads behave: by chance, but the same for the same seed."""

    def __init__(self, leads: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self.happenings: list[tuple[int, int, Record]] = []
        self._seen: set[str] = set()
        for number in range(leads):
            self._begin(f"u-{number}", number)

    def _begin(self, lead: str, number: int) -> None:
        chance = self._chance
        at = MONDAY + int(chance.random() * 3 * DAY)
        traits: dict[str, object] = {
            "email": _address(lead),
            "first_name": chance.choice(("Ada", "Zoé", "Jean-Luc", "")),
            "company": chance.choice(("Acmé & Fils", "Dupont SA", "")),
            "consent.email": chance.random() < 0.5 or None,
            "language": chance.choice(("fr", "fr", "en")),
        }
        kind = number % 40
        if kind == 0:
            traits["email"] = f"{lead}@gmail.com"
            traits["consent.email"] = None
        elif kind == 1:
            traits["email"] = f"info@{lead}.example"
        elif kind == 2:
            traits["consent.marketing"] = False
        told = {name: value for name, value in traits.items() if value is not None}
        sequence = "keep-warm" if number % 3 else "case-studies"
        self.add(at, alert(lead, at, [{"nurture": sequence}], traits=told))
        if number % 10 == 3:
            hot = at + int(chance.uniform(2, 25) * DAY)
            self.add(hot, score(lead, hot, "hot", 82.0, told))
        elif number % 25 == 4:
            taken = at + int(chance.uniform(1, 20) * DAY)
            self.add(taken, event("outcome", lead, taken, outcome="accepted"))
        elif number % 25 == 6:
            asked = at + int(chance.uniform(1, 20) * DAY)
            self.add(asked, event("demo_requested", lead, asked))
        elif number % 20 == 7:
            delivered = at + int(chance.uniform(1, 10) * DAY)
            self.add(delivered, event("project_delivered", lead, delivered))

    def add(self, at: int, record: Record) -> None:
        """Something will happen."""
        self.happenings.append((at, len(self.happenings), record))

    def react(self, played: Played) -> None:
        """What people do with mails that have arrived since."""
        chance = self._chance
        for to, mail in played.server.inbox.mails[len(self._seen) :]:
            message = str(mail["Message-ID"])
            self._seen.add(message)
            link = LinkKeys([LINK_KEY]).read(
                "leave", re.findall(r"/m/u/([\w-]+)>", mail["List-Unsubscribe"])[0]
            )
            assert link is not None
            at = played.here.clock.now + int(chance.uniform(0.02, 2) * DAY)
            about = {"message_id": link.message, "campaign": link.campaign}
            fate = chance.random()
            if fate < _LEAVES:
                played.left_at[to] = at
                self.add(at, event("unsubscribe", link.lead, at, **about, address_hash=link.about))
            elif fate < _LEAVES + _COMPLAINS:
                played.left_at[to] = at
                self.add(at, event("email_complaint", link.lead, at, **about))
            elif fate < _CLICKS:
                self.add(at, event("email_click", link.lead, at, **about))
            elif fate < _OPENS:
                self.add(at, event("email_open", link.lead, at, **about))
            if link.campaign.startswith("after-") if link.campaign else False:
                rating = chance.choice((3, 6, 7, 8, 9, 9, 10, 10))
                told = {"survey": "after-project", "message_id": link.message, "rating": rating}
                self.add(at, event("survey_answered", link.lead, at, **told))


async def play(leads: int, seed: int = 1) -> Played:
    """Four weeks, from one due moment to the next."""
    people = _People(leads, seed)
    began = time.monotonic()
    async with mail_server() as server:
        carrier = server.carrier()
        here = world(load_plan(SAMPLE), carrier)
        played = Played(here, server, leads)
        for number in range(leads):
            if number % 33 == 5:
                server.inbox.answers[_address(f"u-{number}")] = "550 5.1.1 no such user"
        end = MONDAY + WEEKS * 7 * DAY
        while here.clock.now < end:
            await _step(played, people, end)
        await carrier.close()
    played.seconds = time.monotonic() - began
    return played


async def _step(played: Played, people: _People, end: int) -> None:
    """Lets time pass to what happens next, at most an hour."""
    here = played.here
    people.happenings.sort()
    upcoming = people.happenings[0][0] if people.happenings else end
    await here.until(min(upcoming, here.clock.now + _HOUR, end))
    while people.happenings and people.happenings[0][0] <= here.clock.now:
        await here.take(people.happenings.pop(0)[2])
    people.react(played)


def table(played: Played) -> Iterator[str]:
    """The table: who got what when, who left and why."""
    rows = [read(value) for key, value in played.here.table.held[0].items() if not key.startswith(SUPPRESSED)]
    yield f"{played.leads} leads, {WEEKS} virtual weeks from {format_time(MONDAY)}, in {played.seconds:.1f} s"
    yield ""
    yield f"{'mail':<28}{'week 1':>8}{'week 2':>8}{'week 3':>8}{'week 4':>8}{'opened':>9}{'clicked':>9}"
    sent: Counter[tuple[str, int]] = Counter()
    opened: Counter[str] = Counter()
    clicked: Counter[str] = Counter()
    for row in rows:
        for one in row.sent:
            if one.fate == "sent":
                name = f"{one.campaign}/{one.step}"
                sent[name, (one.at - MONDAY) // (7 * DAY)] += 1
                opened[name] += bool(one.opened or one.clicked)
                clicked[name] += bool(one.clicked)
    for name in sorted({name for name, _ in sent}):
        weeks = "".join(f"{sent[name, week]:>8}" for week in range(WEEKS))
        yield f"{name:<28}{weeks}{opened[name]:>9}{clicked[name]:>9}"
    yield ""
    yield f"{'left':<16}{'why':<24}{'leads':>8}"
    why = Counter((name, run.why) for row in rows for name, run in row.runs.items())
    inside = Counter(row.place.sequence for row in rows if row.place)
    for (name, reason), count in sorted(why.items()):
        yield f"{name:<16}{reason:<24}{count:>8}"
    for name, count in sorted(inside.items()):
        yield f"{name:<16}{'(still in it)':<24}{count:>8}"
    begun = sum(why.values()) + sum(inside.values())
    yield f"{'':<16}{'(never began)':<24}{played.leads - begun:>8}"
    for sample in next(iter(TURNED_AWAY.collect())).samples:
        if sample.name.endswith("_total"):
            yield f"{sample.labels['campaign']:<16}  {sample.labels['reason']:<22}{int(sample.value):>8}"
    yield ""
    ids = [message for _, message, _ in played.mails]
    twice = len(ids) - len(set(ids))
    yield f"mails {len(ids)}, of them twice {twice}; after an unsubscribe {len(played.after_leaving)}"
    fates = Counter(one.fate for row in rows for one in row.sent)
    yield ", ".join(f"{fate} {count}" for fate, count in sorted(fates.items()))
    ratings = Counter(one["rating"] for one in played.here.published.of("nps"))
    yield f"surveys answered {sum(ratings.values())}: " + " ".join(
        f"{k}×{v}" for k, v in sorted(ratings.items())
    )


def _address(lead: str) -> str:
    return f"{lead}@{lead}.example"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    played = asyncio.run(play(told.leads, told.seed))
    sys.stdout.write("\n".join(table(played)) + "\n")
    sys.exit(bool(played.after_leaving))


if __name__ == "__main__":
    main()
