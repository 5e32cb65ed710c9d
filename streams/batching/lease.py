"""How long this worker may count its partitions its own: from heartbeat to heartbeat that the group answered.

Others take them over a session after the last one that the broker saw. A process that was stopped, or cut
off, does not know that it missed some; so whatever is sent asks the lease first, at the moment of sending.
"""

import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

from aiokafka import errors
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)

from streams.errors import StalledError, StartError

_NO_ERROR: Final = errors.NoError.errno
_ALIVE: Final = frozenset({_NO_ERROR, errors.RebalanceInProgressError.errno})
"""While others wait for the members to join anew, the partitions stay where they are."""

_FENCED_INSTANCE: Final = 82  # aiokafka has no name for it
_LOST: Final = frozenset(
    {errors.UnknownMemberIdError.errno, errors.IllegalGenerationError.errno, _FENCED_INSTANCE}
)
_REFUSED: Final = {
    errors.InvalidSessionTimeoutError.errno: "LEADHEAT_SESSION_TIMEOUT_S is not between the broker's "
    "group.min.session.timeout.ms and group.max.session.timeout.ms: change one of them",
    errors.GroupAuthorizationFailedError.errno: "Kafka's user may not use the group: allow it",
    errors.InconsistentGroupProtocolError.errno: "another program uses the group: give one another prefix",
}
"""Answers to joining the group that no waiting mends, and that aiokafka only logs."""

_HELD: Final = 0.7
"""Of a session: how long a heartbeat lets us send."""
_AWAITED: Final = 0.85
"""Of a session: how long what was sent may be on its way."""
_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


def now() -> float:
    """Seconds, of which those that the machine slept count too where the system can tell."""
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


class Lease:
    """Held for most of a session from when a heartbeat was sent, or until the group says that it is over."""

    def __init__(
        self, session_s: float, end: Callable[[Exception], NoReturn], clock: Callable[[], float] = now
    ) -> None:
        """`end` ends the process. The consumer's thread renews, the main one asks."""
        self._session_s = session_s
        self._end = end
        self._clock = clock
        self._renewed_at = float("-inf")
        self.leaving = False
        """The worker leaves the group of its own will."""
        self.on_their_way = 0
        """Requests to write that were sent and not answered."""

    def holds(self) -> bool:
        """Whether the partitions are surely still ours."""
        return self._silent_s() < self._session_s * _HELD

    def look(self) -> None:
        """Ends the process where what it sent may yet arrive after others have taken over.

        A network that was cut delivers it then; the sockets drop what they hold when the process ends.
        """
        if self.on_their_way and self._silent_s() > self._session_s * _AWAITED:
            self._end(
                StalledError(
                    f"no heartbeat was answered for {self._silent_s():.1f} s, with records on their way: its "
                    "partitions may belong to another worker"
                )
            )

    def _silent_s(self) -> float:
        return self._clock() - self._renewed_at

    def watch(self, client: Any) -> None:
        """Follows what an aiokafka consumer's client and the group say to each other."""
        send = client.send

        async def watched(node: Any, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
            sent_at = self._clock()
            if isinstance(request, LeaveGroupRequest) and not self.leaving:
                self._end(StalledError("nothing was fetched for too long: others take the partitions over"))
            response = await send(node, request, group=group)
            if isinstance(request, HeartbeatRequest):
                self.heard(response.error_code, sent_at)
            elif isinstance(request, JoinGroupRequest) and (why := _REFUSED.get(response.error_code)):
                self._end(StartError(f"the worker can't join its group: {why}"))
            elif isinstance(request, SyncGroupRequest) and response.error_code == _NO_ERROR:
                self.heard(_NO_ERROR, sent_at)
            return response

        client.send = watched

    def heard(self, code: int, sent_at: float) -> None:
        """What the group answered to a sign of life."""
        if code in _ALIVE:
            self._renewed_at = max(self._renewed_at, sent_at)
        elif code in _LOST and not self.leaving:
            self._end(
                StalledError(
                    f"the group went on without this worker (error {code}), which was silent for a session "
                    "or shares its instance name: its partitions may belong to another worker"
                )
            )
