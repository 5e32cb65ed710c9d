"""One destination: what waits for it, in order for a lead, several leads at a time, as its breaker lets."""

import asyncio
import heapq
import itertools
import logging
import random
from collections import Counter, deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from connectors.answer_links import AnswerLinks
from connectors.notify.alert import Alert
from connectors.notify.breaker import Breaker
from connectors.notify.config import NotifyConfig
from connectors.notify.delivery import Delivery
from connectors.notify.errors import DeliveryError
from connectors.notify.message import Message
from connectors.notify.messages import Writer
from connectors.notify.metrics import BREAKER, WAITING
from connectors.notify.schedule import PATIENCE, next_attempt
from connectors.office.team import Person
from scorer.times import Micros, parse_time

_log: Final = logging.getLogger(__name__)

Health = Literal["closed", "half-open", "open", "disabled"]
_STATES: Final = ("waiting", "held", "retrying")


class Sender(Protocol):
    """A way to a destination."""

    async def send(self, alert: Alert, message: Message) -> None:
        """Deliver one alert, or raise DeliveryError."""

    async def close(self) -> None:
        """Let go of what is held open."""


@dataclass(eq=False)
class Job:
    """A delivery that is not done; its row is as it is, or soon will be."""

    key: str
    partition: int
    row: Delivery
    under_way: bool = False
    over: bool = False
    """Somebody else's, or erased: what comes of it counts no more."""
    taken_back: bool = False
    """Its alert was withdrawn while it was under way: it is not tried again."""
    turn: int = 0
    """Of its place among those that are ready; 0: none."""


class Reports(Protocol):
    """Who is told what comes of deliveries."""

    def changed(self, job: Job) -> None:
        """Its row has changed; it is done unless the row is open."""

    async def parked(self, job: Job, reason: str, *, tried: bool) -> None:
        """It is given up."""

    def wanted(self, job: Job) -> bool:
        """Whether it is still to be sent, as its turn comes."""

    async def person(self, job: Job, alert: Alert) -> Person | None:
        """Who has its lead."""

    async def hand_on(self, job: Job, alert: Alert, channel: str) -> None:
        """It goes to a channel instead; DeliveryError where there is none of that name."""


class Outlet:
    """Takes deliveries, tries them when they are due, says what came of them."""

    def __init__(
        self, label: str, lanes: int, sender: Sender, config: NotifyConfig, reports: Reports
    ) -> None:
        self.label = label
        self._lanes = lanes
        self._sender = sender
        self._config = config
        self._reports = reports
        links = AnswerLinks(config.link_keys)
        self._writer = Writer(config.language, config.board_url, links, config.team)
        self._breaker = Breaker()
        self._disabled: str | None = None
        self._last_error = ""
        self._stopping = False
        self._turns = itertools.count(1)
        self._lines: dict[str, deque[Job]] = {}
        self._ready: list[tuple[Micros, int, Job]] = []
        """Heads of lines by when they are due; those whose turn is another one by now are passed over."""
        self._held: list[tuple[Micros, int, Job]] = []
        self._jobs: set[Job] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def waiting(self) -> int:
        """Deliveries that are not done."""
        return len(self._jobs)

    @property
    def health(self) -> Health:
        """How the destination is."""
        return "disabled" if self._disabled else self._breaker.state(self._config.clock())

    @property
    def moves(self) -> bool:
        """Something is being sent, or about to be, and the destination takes what it gets."""
        due = bool(self._ready) and self._ready[0][0] <= self._config.clock()
        return self.health == "closed" and not self._stopping and (bool(self._tasks) or due)

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self._tasks

    def add(self, job: Job) -> None:
        """Takes a delivery; it is tried at once if it is due, and none of its lead's waits before it."""
        self._jobs.add(job)
        if job.row.state == "held":
            heapq.heappush(self._held, (job.row.due_at, next(self._turns), job))
        else:
            self._line_up(job)
        self.pump()

    def drop(self, job: Job) -> None:
        """Gives a delivery up; one that is under way is still sent, and what comes of it is not told."""
        job.over = True
        self._jobs.discard(job)
        if job.under_way:
            return
        job.turn = 0
        line = self._lines.get(job.row.lead)
        if line is not None and job in line:
            first = line[0] is job
            line.remove(job)
            if first:
                self._next(job.row.lead)

    def pump(self) -> None:
        """Starts what is due, as far as lanes and breaker let it."""
        now = self._config.clock()
        while self._held and self._held[0][0] <= now:
            job = heapq.heappop(self._held)[2]
            if not job.over:
                self._line_up(job)
        while self._ready and self._ready[0][0] <= now and not self._stopping:
            _, turn, job = self._ready[0]
            if job.turn != turn:
                heapq.heappop(self._ready)
                continue
            if len(self._tasks) >= self._lanes:
                break
            if self._disabled is not None:
                work = self._park(job, self._disabled, tried=False)
            elif self._breaker.admits(job.key, now):
                work = self._attempt(job)
            elif now - parse_time(job.row.since) > PATIENCE:
                work = self._park(job, f"the destination takes nothing: {self._last_error}", tried=False)
            else:
                break
            heapq.heappop(self._ready)
            self._start(job, work)

    def check(self) -> None:
        """Raises what went wrong that no delivery is to blame for; tells the metrics."""
        if self._failure is not None:
            raise self._failure
        counts = Counter(job.row.state for job in self._jobs)
        for state in _STATES:
            WAITING.labels(self.label, state).set(counts[state])
        BREAKER.labels(self.label).set(("closed", "half-open", "open", "disabled").index(self.health))

    def stop(self) -> None:
        """Starts nothing more."""
        self._stopping = True

    async def close(self) -> None:
        """Gives up what is under way."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sender.close()

    def _line_up(self, job: Job) -> None:
        line = self._lines.setdefault(job.row.lead, deque())
        line.append(job)
        if line[0] is job:
            self._make_ready(job, job.row.due_at)

    def _make_ready(self, job: Job, due: Micros) -> None:
        job.turn = next(self._turns)
        heapq.heappush(self._ready, (due, job.turn, job))

    def _next(self, lead: str) -> None:
        """The first of a lead's deliveries is done: the next one's turn."""
        line = self._lines[lead]
        if line:
            self._make_ready(line[0], line[0].row.due_at)
        else:
            del self._lines[lead]

    def _start(self, job: Job, work: Coroutine[None, None, None]) -> None:
        job.under_way = True
        job.turn = 0
        task = asyncio.create_task(work, name=self.label)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(job, done))

    def _done(self, job: Job, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._breaker.let_go(job.key)
        job.under_way = False
        if task.cancelled():
            return
        if (failure := task.exception()) is not None:
            self._failure = failure
            return
        if job.over or not job.row.is_open:
            self._jobs.discard(job)
            self._lines[job.row.lead].popleft()
            self._next(job.row.lead)
        else:
            self._make_ready(job, job.row.due_at)
        self.pump()

    async def _attempt(self, job: Job) -> None:
        if not self._reports.wanted(job):
            self._end(job, "withdrawn", tried=False)
            return
        try:
            await self._send(job)
        except DeliveryError as error:
            await self._failed(job, error)
            return
        if self._breaker.answered():
            _log.info("%s takes alerts again", self.label)
            self._hurry()
        if not job.over:
            expires = Alert.read(bytes(job.row.alert)).expires_at
            late = expires is not None and self._config.clock() > expires
            self._end(job, "delivered", late=late)

    async def _send(self, job: Job) -> None:
        try:
            alert = Alert.read(bytes(job.row.alert))
            person = await self._reports.person(job, alert)
            message = self._writer.write(alert, self._config.clock(), job.row.channel, person)
            async with asyncio.timeout(self._config.timeout_s):
                await self._sender.send(alert, message)
        except TimeoutError:
            raise DeliveryError(f"no answer within {self._config.timeout_s:g} s", retriable=True) from None
        except DeliveryError:
            raise
        except Exception as error:  # the boundary: one alert that cannot be told must not stop all others
            raise DeliveryError(f"it cannot be told: {type(error).__name__}", retriable=False) from None

    async def _failed(self, job: Job, error: DeliveryError) -> None:
        now = self._config.clock()
        self._last_error = str(error)
        if error.gone:
            self._disabled = f"{error}: disabled until its new address stands in the channels file"
        if error.retriable:
            before = self._breaker.state(now)
            self._breaker.failed(job.key, now)
            if error.retry_after_s:
                self._breaker.pause(error.retry_after_s, now)
            if before == "closed" and self._breaker.state(now) == "open":
                _log.warning("%s is left alone for a while: %s", self.label, error)
        if job.over:
            return
        if job.taken_back:
            self._end(job, "withdrawn")
            return
        due = self._next_attempt(job.row, error, now) if error.retriable else None
        if due is None:
            reason = f"{error}, in {job.row.attempts + 1} attempts" if error.retriable else str(error)
            await self._park(job, self._disabled or reason, tried=True)
        else:
            job.row = job.row.tried_again(due, str(error), now)
            self._reports.changed(job)

    def _next_attempt(self, row: Delivery, error: DeliveryError, now: Micros) -> Micros | None:
        since = parse_time(row.since)
        return next_attempt(row.attempts + 1, since, now, error.retry_after_s, random.random())

    async def _park(self, job: Job, reason: str, *, tried: bool) -> None:
        await self._reports.parked(job, reason, tried=tried)

    def _end(
        self, job: Job, state: Literal["delivered", "withdrawn"], *, tried: bool = True, late: bool = False
    ) -> None:
        job.row = job.row.ended(state, self._config.clock(), tried=tried, expired=late)
        self._reports.changed(job)

    def _hurry(self) -> None:
        """What failed while the destination was away is not left waiting for hours."""
        now = self._config.clock()
        for due, turn, job in list(self._ready):
            if job.turn == turn and due > now:
                self._make_ready(job, now)
