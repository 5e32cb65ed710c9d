"""What a tracker's protocol must say of itself: its paths, where its key is, how a request becomes events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.keys import Key
from connectors.ingest.link_tokens import LinkKeys
from connectors.ingest.mapping import SourceMapping
from scorer.times import Micros


@dataclass(frozen=True)
class Head:
    """A request without its body."""

    method: str
    path: str
    params: Mapping[str, str]
    """What the template of the path leaves open."""
    query: QueryParams
    headers: Headers
    received: Micros
    ip: str | None
    cookies: Mapping[str, str] = field(default_factory=dict)

    @property
    def user_agent(self) -> str | None:
        """The client's own name for itself."""
        return self.headers.get("user-agent") or None

    @property
    def from_browser(self) -> bool:
        """Whether somebody's own browser sent it, so that its address and name are the person's."""
        return "origin" in self.headers or (self.user_agent or "").startswith("Mozilla/")


@dataclass(frozen=True)
class Parcel:
    """What a body holds: items, each of which is refused alone and kept as its bytes."""

    items: Sequence[bytes]
    keys: Sequence[Key] = ()
    """The keys in it, each of which must admit; asked for only where the head has none."""
    shared: Any = None
    """What the body says of all its items, for the protocol's own use."""
    refusable: bool = True
    """Whether a client is told that nothing was acceptable; else that is dead letters and no more."""


@dataclass(frozen=True)
class Context:
    """All that `events` may want to know beside the item."""

    head: Head
    parcel: Parcel
    mapping: SourceMapping = field(default_factory=SourceMapping)
    is_secret: Callable[[str | None], bool] = lambda _: False
    """Whether something is one of the secret write keys, so that its sender may assert more than others."""
    links: LinkKeys = field(default_factory=LinkKeys)


class Tracker(Protocol):
    """One protocol. All methods are quick and without I/O."""

    @property
    def name(self) -> str:
        """As in write keys and in the mapping file."""

    @property
    def paths(self) -> Mapping[str, Sequence[str]]:
        """Templates of paths, and the methods of each."""

    def key_of(self, head: Head) -> Key | None:
        """The key in header, path or query, checked before the body is read; None: look into the body."""

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """Takes an unpacked body apart; RefusedError where that can't be done."""

    def events(self, item: bytes, context: Context) -> Iterable[dict[str, Any]]:
        """The contract's events that an item tells of, perhaps none; EventError where it can't be read."""

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """What the protocol's clients expect once the broker has the events."""

    def others(self, intake: Intake) -> Sequence[Route]:
        """Routes that take no events: settings that a library asks for, its own metrics."""


@runtime_checkable
class OwnRefusals(Protocol):
    """What a tracker adds whose clients would not take a refusal for an end."""

    def refused(self, refusal: RefusedError) -> RefusedError:
        """The same refusal as these clients understand it."""


def head_of(request: Request, received: Micros) -> Head:
    """The head of a request that came at a moment."""
    return Head(
        request.method,
        request.scope["path"],
        request.path_params,
        request.query_params,
        request.headers,
        received,
        request.client.host if request.client else None,
        request.cookies,
    )
