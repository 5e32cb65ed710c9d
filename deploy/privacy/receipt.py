"""The receipt of an erasure: what was done where, for whom only as hashes, and a digest over it all."""

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from deploy.errors import DeployError
from scorer.times import format_time

FORM: Final = "leadheat-erasure/1"


class ReceiptError(DeployError):
    """A file that is no receipt, or not as it was given."""


@dataclass
class Receipt:
    """What is written down while an erasure goes on."""

    asked_by: str | None
    asked_at: str = field(default_factory=lambda: now())
    marks: list[str] = field(default_factory=list)
    ids: int = 0
    shared: int = 0
    places: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    """Whether everything was done that could be."""

    def add(
        self,
        place: str,
        did: str,
        removed: int | None = None,
        gone_by: str | None = None,
        undone: bool = False,
    ) -> None:
        """One place; `gone_by`: when the last trace has gone, where that is later."""
        self.places.append(
            {"place": place, "did": did, "removed": removed, "gone_by": gone_by, "done": not undone}
        )
        self.complete = self.complete and not undone

    def signed(self, secret: bytes) -> dict[str, Any]:
        """The document, with its digest: an HMAC where the installation has an erasure key."""
        told = {
            "receipt": FORM,
            "asked_by": self.asked_by,
            "asked_at": self.asked_at,
            "done_at": now(),
            "ids": self.ids,
            "shared_ids": self.shared,
            "marks": self.marks,
            "places": self.places,
            "complete": self.complete,
        }
        return {**told, "digest": digest(told, secret)}


def digest(told: dict[str, Any], secret: bytes) -> dict[str, str]:
    """The digest over a receipt's other fields."""
    content = msgspec.json.encode(told, order="sorted")
    if secret:
        return {"algorithm": "hmac-sha256", "value": hmac.new(secret, content, hashlib.sha256).hexdigest()}
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def load(data: bytes, secret: bytes) -> dict[str, Any]:
    """Reads a receipt; ReceiptError where it is none or was changed."""
    try:
        told = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
        raise ReceiptError("the file is no receipt: it is no JSON object") from None
    signed = told.pop("digest", None)
    if told.get("receipt") != FORM:
        raise ReceiptError(f"the file is no receipt of this form ({FORM})")
    if digest(told, secret) != signed:
        raise ReceiptError(
            "the receipt is not as it was given, or LEADHEAT_ERASURE_KEY not what it was then: "
            "its digest differs"
        )
    return told


def now() -> str:
    """Now, as records say it."""
    return format_time(time.time_ns() // 1_000)


def in_ms(milliseconds: int) -> str:
    """The moment so long from now."""
    return format_time(time.time_ns() // 1_000 + milliseconds * 1_000)
