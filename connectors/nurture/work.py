"""Takes what happens, keeps a row for each lead, and sends what is due. All rows are changed by one task.

A mail's row is written before it is handed over, and again after. Killed in between, the next owner hands it
over once more under the same Message-ID.
"""

import asyncio
import heapq
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import msgspec

from connectors.durable.errors import NotOursError
from connectors.mail.errors import BouncedError, LaterError, RefusedError
from connectors.nurture.carrier import Carrier
from connectors.nurture.errors import LetterError
from connectors.nurture.happenings import Gone, Happened, Happening, Scored
from connectors.nurture.happenings import read as read_happening
from connectors.nurture.letter import Writer
from connectors.nurture.metrics import LEFT, MAILS, TURNED_AWAY
from connectors.nurture.permission import address_of
from connectors.nurture.plan import Plan
from connectors.nurture.row import Facts, Fate, Outgoing, Row, read, write
from connectors.nurture.suppression import LIFTED, SUPPRESSED, Suppression, graver, lift_of
from connectors.nurture.walk import RATED, Walk
from scorer.times import Micros, micros

_MOST_REMEMBERED: Final = 20_000
"""Leads without a row whose newest facts, or other ids, are remembered: an event may make one for them."""
_RESTS_S: Final = (5.0, 300.0)
"""How long nothing is sent after whoever carries mails has failed: at first, and at the most."""
_log: Final = logging.getLogger(__name__)


class Rows(Protocol):
    """What is used of `connectors.durable.table.Table`."""

    @property
    def partitions(self) -> frozenset[int]:
        """Those that are ours."""

    def rows(self, partition: int) -> Mapping[str, bytes]:
        """A partition's rows."""

    async def put(self, partition: int, changes: Mapping[str, bytes | None]) -> None:
        """Changes rows."""


class Everybody(Protocol):
    """What is used of `Suppressed`."""

    merged: dict[str, Row]
    adopted: set[str]

    def hash_of(self, address: str) -> str:
        """The hash by which an address is known."""

    def mark_of(self, lead: str) -> str:
        """The hash by which a lead's erasure would be known."""

    def add(self, hashed: str, partition: int) -> None:
        """An address gets no mail any more."""

    def lift(self, hashed: str, partition: int) -> None:
        """It may get mail again."""

    def blocks(self, row: Row) -> bool:
        """Whether the lead's address gets none."""


class Publish(Protocol):
    """What is used of `Publisher`."""

    async def publish(self, of_type: str, lead: str, about: str, at: int, properties: dict[str, Any]) -> None:
        """Publishes an event."""


@dataclass(frozen=True)
class _Result:
    """What became of a mail."""

    partition: int
    lead: str
    outgoing: Outgoing
    fate: Fate | Literal["later"]
    why: str = ""
    after_s: float = 0.0
    for_all: bool = False


class _Changes:
    """Rows that are being changed, by partition, each read once."""

    def __init__(self, table: Rows, facts: Mapping[str, Facts]) -> None:
        self._table = table
        self._facts = facts
        self._rows: dict[int, dict[str, Row]] = defaultdict(dict)
        self.more: dict[int, dict[str, bytes | None]] = defaultdict(dict)
        """Other rows to be written."""

    def row(self, partition: int, lead: str) -> Row:
        """The lead's row, to be changed."""
        rows = self._rows[partition]
        if lead not in rows:
            held = self._table.rows(partition).get(lead)
            rows[lead] = Row(lead, self._facts.get(lead, Facts())) if held is None else read(held)
        return rows[lead]

    def has(self, partition: int, lead: str) -> bool:
        """Whether there is a row, kept or begun."""
        return lead in self._rows[partition] or lead in self._table.rows(partition)

    def suppression(self, partition: int, hashed: str) -> Suppression | None:
        """An address's row."""
        key = SUPPRESSED + hashed
        held = self.more[partition].get(key, self._table.rows(partition).get(key))
        return None if held is None else msgspec.json.decode(held, type=Suppression)

    def all(self) -> Iterator[tuple[int, Row]]:
        """Every row that was looked at."""
        for partition, rows in self._rows.items():
            for row in rows.values():
                yield partition, row


class Nurture:
    """The work of a member of nurturing's group."""

    def __init__(
        self,
        plan: Plan,
        table: Rows,
        everybody: Everybody,
        writer: Writer,
        carrier: Carrier,
        publisher: Publish,
        clock: Callable[[], Micros],
        at_once: int = 16,
        current: Callable[[], Collection[int]] | None = None,
        erased: Callable[[str], bool] = lambda lead: False,
    ) -> None:
        """`current` tells of which partitions all is known that was said: of others nothing is sent yet."""
        self._table = table
        self._everybody = everybody
        self._writer = writer
        self._carrier = carrier
        self._publisher = publisher
        self._clock = clock
        self._at_once = at_once
        self._current = current or (lambda: table.partitions)
        self._erased = erased
        self._walk = Walk(plan, everybody.blocks)
        self._due: dict[tuple[int, str], int] = {}
        self._heap: list[tuple[int, int, str]] = []
        self._busy: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._results: list[_Result] = []
        self._rests_until = 0
        self._rest_s = 0.0
        self._facts: OrderedDict[str, Facts] = OrderedDict()
        self._leads: OrderedDict[str, tuple[int, str]] = OrderedDict()
        """Of ids that are another lead's: its partition and id."""

    @property
    def busy(self) -> bool:
        """Whether a mail is being handed over, or one was and its row is not written yet."""
        return bool(self._busy or self._results)

    def next_due(self) -> int | None:
        """When something is to be done next."""
        while self._heap and self._due.get(self._heap[0][1:]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return max(self._heap[0][0], self._rests_until) if self._heap else None

    async def gained(self, partition: int) -> None:
        """What its rows have still to do is due when they say."""
        for key, value in self._table.rows(partition).items():
            if not key.startswith(SUPPRESSED):
                self._schedule(partition, read(value))

    def lost(self, partitions: Sequence[int]) -> None:
        """Nothing of theirs is done any more; a mail under way may still arrive, and be sent again."""
        gone = set(partitions)
        self._due = {place: due for place, due in self._due.items() if place[0] not in gone}
        self._heap = [one for one in self._heap if one[1] not in gone]
        heapq.heapify(self._heap)
        for place in [place for place in self._busy if place[0] in gone]:
            self._busy.pop(place).cancel()
        self._results = [one for one in self._results if one.partition not in gone]

    def lead_of(self, key: str, row: bytes) -> str:
        """Whose row it is; an address's is nobody's, and stays."""
        return "" if key.startswith(SUPPRESSED) else key

    def forgot(self, partition: int, keys: Sequence[str]) -> None:
        """These leads were erased."""
        for key in keys:
            self._due.pop((partition, key), None)
            self._facts.pop(key, None)
            if (task := self._busy.pop((partition, key), None)) is not None:
                task.cancel()

    async def take(self, partition: int, records: Sequence[Any]) -> None:
        """What happened, in order."""
        changes = _Changes(self._table, self._facts)
        for record in records:
            topic = record.topic.rpartition(".")[2]
            lead = (record.key or b"").decode(errors="replace")
            happening = read_happening(topic, record) if lead else None
            if isinstance(happening, Scored):
                self._remember(partition, lead, happening)
            if isinstance(happening, Happened) and happening.event.type == LIFTED:
                self._lift(changes, partition, lead, happening)
                continue
            if happening is not None and self._erased(lead):
                self._late(changes, partition, lead, happening)
                continue
            if happening is None or (
                isinstance(happening, Scored | Gone) and not changes.has(partition, lead)
            ):
                continue
            row = changes.row(partition, lead)
            suppressed = row.suppressed
            self._walk.take(row, happening)
            if row.suppressed != suppressed:
                self._suppress(changes, partition, row, happening)
            if isinstance(happening, Happened) and happening.event.type == RATED:
                await self._rated(row, happening)
                if partition not in self._table.partitions:
                    raise NotOursError(f"partition {partition} is not ours any more")
        await self._write(changes)

    async def go_on(self) -> None:
        """Writes down what became of mails, and begins those that are due."""
        changes = _Changes(self._table, self._facts)
        results, self._results = self._results, []
        for result in results:
            self._busy.pop((result.partition, result.lead), None)
            if result.partition in self._table.partitions:
                self._settle(changes, result)
        self._adopt(changes)
        now = self._clock()
        current = self._current()
        begun: list[tuple[int, Row, Outgoing]] = []
        held: list[tuple[int, int, str]] = []
        while (due := self.next_due()) is not None and due <= now:
            if len(self._busy) + len(begun) >= (1 if self._rest_s else self._at_once):
                break
            entry = heapq.heappop(self._heap)
            _, partition, lead = entry
            if partition not in current:
                held.append(entry)
                continue
            self._due.pop((partition, lead), None)
            if (partition, lead) in self._busy:
                continue  # it comes again with its result
            row = changes.row(partition, lead)
            if (outgoing := self._walk.advance(row, now)) is not None:
                begun.append((partition, row, outgoing))
        for entry in held:
            heapq.heappush(self._heap, entry)
        await self._write(changes, holding={(partition, row.lead) for partition, row, _ in begun})
        for partition, row, outgoing in begun:
            if partition not in self._table.partitions:
                continue
            task = asyncio.create_task(self._send(partition, row, outgoing), name=f"mail {outgoing.message}")
            self._busy[partition, row.lead] = task

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = tuple(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remember(self, partition: int, lead: str, scored: Scored) -> None:
        if lead not in self._table.rows(partition):
            self._facts[lead] = scored.facts
            self._facts.move_to_end(lead)
            if len(self._facts) > _MOST_REMEMBERED:
                self._facts.popitem(last=False)
        for other in scored.identities:
            if other != lead:
                self._leads[other] = (partition, lead)
                self._leads.move_to_end(other)
        while len(self._leads) > _MOST_REMEMBERED:
            self._leads.popitem(last=False)

    def _suppress(self, changes: _Changes, partition: int, row: Row, happening: object) -> None:
        """Puts the address on the list, for every lead that has it."""
        hashes = set()
        if (address := address_of(row.facts.traits)) is not None:
            hashes.add(self._everybody.hash_of(address))
        if isinstance(happening, Happened):
            told = (happening.event.properties or {}).get("address_hash")
            if isinstance(told, str):
                hashes.add(told)
        for hashed in hashes:
            self._everybody.add(hashed, partition)
            held = changes.suppression(partition, hashed)
            if held is None or graver(held.why, row.suppressed) != held.why:
                made = Suppression(row.suppressed, self._clock(), self._everybody.mark_of(row.lead))
                changes.more[partition][SUPPRESSED + hashed] = msgspec.json.encode(made)

    def _late(self, changes: _Changes, partition: int, lead: str, happening: Happening) -> None:
        """What still comes of an erased lead makes no row; whoever unsubscribes by an old mail is heard."""
        row = Row(lead)
        self._walk.take(row, happening)
        if row.suppressed:
            self._suppress(changes, partition, row, happening)

    def _lift(self, changes: _Changes, partition: int, lead: str, told: Happened) -> None:
        """Somebody in charge says that mails may go again: takes the address, and the lead, off the list."""
        order = lift_of(told.event.properties) if told.order else None
        if order is None:
            return
        for hashed in order.address_hashes:
            held = changes.suppression(partition, hashed)
            if held is not None and held.why in order.lifts:
                self._everybody.lift(hashed, partition)
                changes.more[partition][SUPPRESSED + hashed] = None
        if changes.has(partition, lead):
            self._walk.lift(changes.row(partition, lead), order.lifts)

    async def _rated(self, row: Row, told: Happened) -> None:
        """An answer becomes an `nps`, with how the lead is and was scored."""
        properties = told.event.properties or {}
        answer = next((one for one in row.answers if one.at == told.at), None)
        if answer is None:
            return
        asked = next((one for one in row.sent if one.message == answer.message), None)
        await self._publisher.publish(
            "nps",
            row.lead,
            told.id,
            told.event.moment or told.at,
            {
                "rating": answer.rating,
                "survey": answer.survey,
                "comment": properties.get("comment"),
                "message_id": answer.message,
                "score": answer.score,
                "tier": answer.tier,
                "score_sent": asked.score if asked else None,
                "tier_sent": asked.tier if asked else None,
            },
        )

    def _settle(self, changes: _Changes, result: _Result) -> None:
        row = changes.row(result.partition, result.lead)
        suppressed = row.suppressed
        self._walk.settle(row, result.outgoing, result.fate, result.why, self._clock(), result.after_s)
        if row.suppressed != suppressed:
            self._suppress(changes, result.partition, row, None)
        self._rest(result)
        MAILS.labels(result.outgoing.campaign, result.fate).inc()
        if result.fate != "sent":
            _log.warning("mail %s of %s: %s: %s", result.outgoing.message, result.outgoing.campaign,
                         result.fate, result.why)  # fmt: skip

    def _rest(self, result: _Result) -> None:
        """While whoever carries mails is away, one is tried now and then, and the others wait."""
        if not result.for_all:
            self._rest_s = 0.0
        elif self._clock() >= self._rests_until:
            least, most = _RESTS_S
            self._rest_s = max(result.after_s, min(most, max(least, 2 * self._rest_s)))
            self._rests_until = self._clock() + micros(self._rest_s)

    def _adopt(self, changes: _Changes) -> None:
        """Rows of ids that are part of leads of ours now go over to those; ours that went over, go."""
        for other, merged in list(self._everybody.merged.items()):
            partition, lead = self._leads.get(other, (-1, ""))
            if partition in self._table.partitions:
                row = changes.row(partition, lead)
                self._walk.adopt(row, merged)
                del self._everybody.merged[other]
        for other in list(self._everybody.adopted):
            for partition in self._table.partitions:
                if (held := self._table.rows(partition).get(other)) is not None and read(held).merged:
                    changes.more[partition][other] = None
            self._everybody.adopted.discard(other)

    async def _write(self, changes: _Changes, holding: set[tuple[int, str]] | None = None) -> None:
        """Keeps what has changed; only then is it scheduled."""
        now = self._clock()
        written: dict[int, dict[str, bytes | None]] = defaultdict(dict)
        for partition, row in changes.all():
            held = self._table.rows(partition).get(row.lead)
            value = None if self._walk.forgettable(row, now) else write(row)
            if value != held:
                written[partition][row.lead] = value
                self._count_left(row, held)
        for partition, more in changes.more.items():
            written[partition] |= more
        for partition, some in written.items():
            try:
                await self._table.put(partition, some)
            except NotOursError as error:  # the others' rows are still to be written
                _log.info("%s", error)
        for name, why in self._walk.turned_away:
            TURNED_AWAY.labels(name, why).inc()
        self._walk.turned_away.clear()
        for partition, row in changes.all():
            if partition in self._table.partitions and (partition, row.lead) not in (holding or ()):
                self._schedule(partition, row)

    def _count_left(self, row: Row, held: bytes | None) -> None:
        before = read(held).runs if held is not None else {}
        for name, run in row.runs.items():
            if before.get(name) != run:
                LEFT.labels(name, run.why).inc()

    def _schedule(self, partition: int, row: Row) -> None:
        place = (partition, row.lead)
        due = self._walk.next_due(row)
        if due is None or place in self._busy:
            self._due.pop(place, None)
        elif self._due.get(place) != due:
            self._due[place] = due
            heapq.heappush(self._heap, (due, *place))

    async def _send(self, partition: int, row: Row, outgoing: Outgoing) -> None:
        """Hands over a mail and tells of it; the result is written down by the next `go_on`."""
        fate: Fate | Literal["later"] = "sent"
        why, after_s, for_all = "", 0.0, False
        told = {
            "campaign": f"{outgoing.campaign}/{outgoing.step}"
            if outgoing.kind == "sequence"
            else outgoing.campaign,
            "message_id": outgoing.message,
        }
        try:
            if partition not in self._table.partitions:
                raise NotOursError
            await self._carrier.send(self._writer.write(row, outgoing))
            await self._publisher.publish("email_delivered", row.lead, outgoing.message, self._clock(), told)
        except BouncedError as error:
            fate, why = "bounced", str(error)
            await self._publisher.publish(
                "email_bounce", row.lead, outgoing.message, self._clock(), {**told, "bounce": "hard"}
            )
        except (LetterError, RefusedError) as error:
            fate, why = "refused", str(error)
        except LaterError as error:
            fate, why, after_s, for_all = "later", str(error), error.after_s, error.for_all
        except NotOursError:
            self._busy.pop((partition, row.lead), None)
            return
        except Exception as error:  # the boundary: one mail that can't be made must not stop all others
            fate, why = "refused", f"it can't be sent: {type(error).__name__}"
        self._results.append(_Result(partition, row.lead, outgoing, fate, why, after_s, for_all))
