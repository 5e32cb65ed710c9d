"""What a provider's webhook must say of itself: how it shows who sent it, how a body becomes events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

from starlette.responses import JSONResponse, Response

from connectors.ingest.mapping import SourceMapping
from connectors.ingest.native import split
from connectors.ingest.protocol import Head
from connectors.ingest.unpacking import unpack
from connectors.ingest.webhooks.fetching import Fetch
from connectors.ingest.webhooks.mail import Mail, mail_events, type_of
from connectors.ingest.webhooks.reading import decoded
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof
from scorer.errors import EventError


@dataclass(frozen=True)
class Delivery:
    """One request of a provider."""

    head: Head
    raw: bytes
    """The body's bytes as they came: what a signature is over."""
    target: str
    """What was asked for, as it was written: path and query."""
    settings: ProviderSettings
    fetch: Fetch
    max_bytes: int

    @cached_property
    def body(self) -> bytes:
        """The body, unpacked; raises RefusedError 400 or 413."""
        return unpack(self.raw, self.head.headers.get("content-encoding", ""), self.max_bytes)

    def max_age_us(self, default_s: int) -> int:
        """How old a signature may be, in microseconds."""
        told = self.settings.max_age_us
        return default_s * 1_000_000 if told is None else told


@dataclass(frozen=True)
class Told:
    """What `events` may want to know beside the item."""

    delivery: Delivery
    mapping: SourceMapping
    proof: Proof | None = None


class Provider(Protocol):
    """One provider."""

    @property
    def name(self) -> str:
        """As in the path, in write keys (`webhook:NAME`) and in the webhooks file."""

    @property
    def max_age_s(self) -> int:
        """How old a signature may be where nothing else is set."""

    def signs(self, settings: ProviderSettings) -> bool:
        """Whether the settings let its signature be checked; otherwise the key alone shows who sends."""

    def wants(self) -> str | None:
        """What has to be set for its signature, said to who did not; None: it has none."""

    def check(self, settings: ProviderSettings) -> None:
        """Raises ValueError, without the secret, where the settings are none of its kind."""

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """Checks the signature over the raw bytes; RefusedError 401 where it does not hold."""

    async def settle(self, delivery: Delivery) -> None:
        """What an authenticated request asks for beside being read, such as to confirm a subscription."""

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """Takes the body apart; RefusedError where that can't be done."""

    def events(self, item: bytes, told: Told) -> Iterable[dict[str, Any]]:
        """The contract's events that an item tells of, perhaps none; EventError where it can't be read."""

    def answer(self, taken: int) -> Response:
        """What the provider expects once the broker has the events."""

    def again(self) -> Response:
        """What it is told of a delivery that came before."""


class MailProvider:
    """A provider that signs nothing and posts JSON, an object or a list of them: what the others differ from.

    What merely happens to a message (it was queued, put off, refused by the provider itself) is no event: it
    is nothing that the person did. A mapping file may give it a type.
    """

    name: ClassVar[str]
    max_age_s: ClassVar[int] = 300
    types: ClassVar[Mapping[str, str | None]] = {}
    """The contract's type of each kind of event, by its snake case; None: no event."""

    def signs(self, settings: ProviderSettings) -> bool:
        """No."""
        del settings
        return False

    def wants(self) -> str | None:
        """Nothing."""
        return None

    def check(self, settings: ProviderSettings) -> None:
        """Any password will do."""

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """There is no signature."""
        del delivery
        raise NotImplementedError

    async def settle(self, delivery: Delivery) -> None:
        """Nothing."""

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The object, or the list's items."""
        return split(delivery.body)

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterable[Mail]:
        """What an object tells of messages."""
        raise NotImplementedError

    def events(self, item: bytes, told: Told) -> Iterator[dict[str, Any]]:
        """The events of the messages that an item tells of."""
        for mail in self.mails(decoded(item), told.delivery):
            if not mail.kind:
                raise EventError("the kind of event is missing")
            of_type = type_of(mail.kind, self.types, told.mapping)
            if of_type is not None:
                lead_id = told.delivery.settings.lead_id
                yield from mail_events(mail, of_type, self.name, told.mapping, lead_id)

    def answer(self, taken: int) -> Response:
        """How many events were taken."""
        return JSONResponse({"accepted": taken})

    def again(self) -> Response:
        """A success: it was taken before."""
        return JSONResponse({"accepted": 0, "duplicate": True})


class SignedProvider(MailProvider):
    """A provider whose signature is checked with a secret of its own, once one is set."""

    def signs(self, settings: ProviderSettings) -> bool:
        """Whether there is a secret."""
        return bool(settings.secrets)

    def wants(self) -> str | None:
        """The secret."""
        return f"`{self.name}: {{secret: …}}` in the file that LEADHEAT_WEBHOOKS names"
