"""Amazon SNS: whether a message is signed by it, and which of our topics it is of."""

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks.fetching import Fetch, FetchError
from connectors.ingest.webhooks.reading import text
from connectors.ingest.webhooks.signing import unproven
from scorer.times import SECOND, Micros

_log: Final = logging.getLogger(__name__)
_HOST: Final = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?\Z")
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem\Z")
_HASHES: Final = {"1": SHA1, "2": SHA256}
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_MOST_CERTIFICATES: Final = 32
_FAILED_FOR_US: Final = 60 * SECOND
_RETRY_AFTER_S: Final = 60


def is_sns(url: str) -> bool:
    """Whether an address is one of Amazon SNS itself.

    >>> is_sns("https://sns.eu-west-3.amazonaws.com/?Action=ConfirmSubscription")
    True
    >>> is_sns("https://sns.eu-west-3.amazonaws.com.evil.example/"), is_sns("https://a@sns.x.amazonaws.com/")
    (False, False)
    """
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return False
    plain = split.scheme == "https" and split.username is None and split.password is None
    return plain and port in (None, 443) and bool(_HOST.match(split.hostname or ""))


class Certificates:
    """The public keys of certificates at Amazon's, each fetched once."""

    def __init__(self) -> None:
        self._keys: dict[str, RSAPublicKey] = {}
        self._failed: dict[str, Micros] = {}
        self._fetching = asyncio.Lock()

    async def key(self, url: str, fetch: Fetch, now: Micros) -> RSAPublicKey:
        """The key of a certificate; RefusedError 401: it is none of Amazon's, 503: it cannot be had now."""
        if not is_sns(url) or not _CERTIFICATE.match(urlsplit(url).path):
            raise unproven("SigningCertURL: no address of a certificate of Amazon SNS")
        async with self._fetching:
            if url not in self._keys:
                if now - self._failed.get(url, Micros(-_FAILED_FOR_US - 1)) <= _FAILED_FOR_US:
                    raise _unavailable()
                await self._fetch(url, fetch, now)
            return self._keys[url]

    async def _fetch(self, url: str, fetch: Fetch, now: Micros) -> None:
        try:
            key = load_pem_x509_certificate(await fetch(url)).public_key()
        except (FetchError, ValueError) as error:
            why = str(error) if isinstance(error, FetchError) else "what came is no certificate"
            _log.warning("the certificate of Amazon SNS could not be fetched: %s", why)
            if len(self._failed) >= _MOST_CERTIFICATES:
                self._failed.clear()
            self._failed[url] = now
            raise _unavailable() from None
        if not isinstance(key, RSAPublicKey):
            raise unproven("SigningCertURL: the certificate has no RSA key")
        if len(self._keys) >= _MOST_CERTIFICATES:
            self._keys.clear()
        self._keys[url] = key


def _unavailable() -> RefusedError:
    return RefusedError(503, "the certificate of Amazon SNS cannot be fetched: send again", _RETRY_AFTER_S)


def require_signature(message: Mapping[str, Any], key: RSAPublicKey) -> None:
    """Raises RefusedError 401 unless the message is signed with the key, by SNS's version 1 or 2."""
    hashed = _HASHES.get(text(message, "SignatureVersion") or "")
    try:
        if hashed is None:
            raise InvalidSignature
        signature = base64.b64decode(text(message, "Signature") or "", validate=True)
        key.verify(signature, canonical(message), PKCS1v15(), hashed())
    except (InvalidSignature, binascii.Error, ValueError):
        raise unproven("the signature is missing or wrong") from None


def canonical(message: Mapping[str, Any]) -> bytes:
    """What SNS signs: some fields, in the order of their names, name and value each on a line."""
    names = _NOTIFICATION if message.get("Type") == "Notification" else _CONFIRMATION
    found = ((name, message.get(name)) for name in names)
    return "".join(f"{name}\n{value}\n" for name, value in found if isinstance(value, str)).encode(
        "utf-8", "replace"
    )
