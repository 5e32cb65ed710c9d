"""Takes what providers post to `/v1/webhooks/{provider}`: one way from the signature to the broker."""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.ingest.errors import ConfigError, RefusedError
from connectors.ingest.intake import Admission, Intake
from connectors.ingest.protocol import Head, head_of
from connectors.ingest.receiving import records_of
from connectors.ingest.records import failed_record
from connectors.ingest.webhooks.provider import Delivery, Provider, Told
from connectors.ingest.webhooks.registry import providers
from connectors.ingest.webhooks.replays import Replays
from connectors.ingest.webhooks.settings import ProviderSettings, load_settings
from connectors.ingest.webhooks.signing import AHEAD_US, Proof, one_of, unproven

PATH: Final = "/v1/webhooks/{provider}"
_KEYS: Final = "webhook"
"""The protocol of write keys such as `webhook:sendgrid`."""
_NO_PUBLIC_ID: Final = "webhooks"
"""A protocol that no public key can be of: only a secret one admits."""
_UNSET: Final = ProviderSettings()


def routes(intake: Intake) -> list[Route]:
    """The route of all providers; raises ConfigError where the webhooks file is wrong."""
    known = providers()
    desk = _Desk(intake, known, _checked(load_settings(intake.config.webhooks), known))
    return [Route(PATH, desk.receive, methods=["HEAD", "POST"])]


def _checked(
    settings: Mapping[str, ProviderSettings], known: Mapping[str, Provider]
) -> Mapping[str, ProviderSettings]:
    found = {}
    for name, one in settings.items():
        if (provider := known.get(name)) is None:
            expected = ", ".join(sorted(known))
            raise ConfigError(f"LEADHEAT_WEBHOOKS: {name}: no provider: expected one of {expected}")
        try:
            provider.check(one)
        except ValueError as error:
            raise ConfigError(f"LEADHEAT_WEBHOOKS: {name}: {error}") from None
        found[provider.name] = one
    return found


class _Desk:
    """Where all deliveries of a gateway come in."""

    def __init__(
        self, intake: Intake, known: Mapping[str, Provider], settings: Mapping[str, ProviderSettings]
    ) -> None:
        self._intake = intake
        self._known = known
        self._settings = settings
        self._replays = {provider.name: Replays() for provider in known.values()}

    async def receive(self, request: Request) -> Response:
        """Takes one request."""
        provider = self._known.get(request.path_params["provider"])
        if provider is None:
            raise RefusedError(404, f"no such provider: expected one of {', '.join(sorted(self._known))}")
        if request.method != "POST":
            return Response()  # some look whether there is anybody before they tell their secret
        intake, settings = self._intake, self._settings.get(provider.name, _UNSET)
        head = head_of(request, intake.config.clock())
        signs = provider.signs(settings)
        admission = self._admit(provider, settings, _key_of(head), signs)
        query = request.scope["query_string"].decode("latin-1")
        delivery = Delivery(
            head,
            await intake.raw_body(request),
            head.path + (f"?{query}" if query else ""),
            settings,
            intake.config.fetch,
            intake.config.max_body_bytes,
        )
        proof = await provider.authenticate(delivery) if signs else None
        if proof is not None and not self._claim(provider, delivery, proof):
            return provider.again()
        taken = False
        try:
            await provider.settle(delivery)
            count = await self._take(provider, delivery, proof, admission)
            taken = True
        finally:
            if proof is not None:
                self._replays[provider.name].done(proof.once, taken)
        return provider.answer(count)

    def _admit(
        self, provider: Provider, settings: ProviderSettings, key: str | None, signs: bool
    ) -> Admission:
        """Before the body is read: that its signature will be checked, or that a key shows who sends."""
        if signs or (key and one_of(_digest(key), map(_digest, settings.secrets))):
            try:
                return self._intake.admit(_KEYS, provider.name)
            except RefusedError as refusal:
                if refusal.status == 429:
                    raise
                if not key:
                    told = f"webhook:{provider.name} is none of LEADHEAT_WRITE_KEYS"
                    raise RefusedError(403, told) from None
        if not key:
            raise _keyless(provider)
        try:
            return self._intake.admit(_NO_PUBLIC_ID, key)
        except RefusedError as refusal:
            raise unproven(refusal.message) if refusal.status == 401 else refusal from None

    def _claim(self, provider: Provider, delivery: Delivery, proof: Proof) -> bool:
        keep = delivery.max_age_us(provider.max_age_s) + AHEAD_US
        return self._replays[provider.name].claim(proof.once, proof.signed, delivery.head.received, keep)

    async def _take(
        self, provider: Provider, delivery: Delivery, proof: Proof | None, admission: Admission
    ) -> int:
        """Hands on the events, and what can't be read as dead letters: no sender would act on a refusal."""
        if not delivery.body.strip():
            return 0  # some try an address so
        intake = self._intake
        told = Told(delivery, intake.mapping(_KEYS, admission), proof)
        events = partial(provider.events, told=told)
        items = provider.items(delivery)
        config = intake.config
        # a bounce may bring the whole message back, of which next to nothing goes into the event
        limits = config.max_body_bytes, config.max_event_bytes, config.shape
        found = await intake.sift(items, partial(records_of, events, *limits), admission)
        source = f"gateway:/v1/webhooks/{provider.name}"
        kept = admission.source.unaddressed
        dead = [failed_record(kept(one.raw), source, one.error) for one in found.rejected]
        if found.records or dead:
            await intake.publish(f"{_KEYS}:{provider.name}", found, admission, dead)
        return len(found.records)


def _keyless(provider: Provider) -> RefusedError:
    file = f"`{provider.name}: {{secret: KEY}}` in the file that LEADHEAT_WEBHOOKS names"
    calling = "a secret write key, as https://any:KEY@… or ?key=KEY"
    if provider.wants() is None:
        return unproven(f"no key: call with {calling}, or with the KEY of {file}")
    return RefusedError(
        403, f"nothing to check a signature with: set {provider.wants()}, or call with {calling}"
    )


def _key_of(head: Head) -> str | None:
    """The password of Basic, as in an address with a name and password; the token of Bearer; `?key=`."""
    scheme, _, credentials = head.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return password or name or None  # some write the key alone before the @
    return head.query.get("key") or None


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
