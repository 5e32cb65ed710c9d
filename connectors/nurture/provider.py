"""Hands letters to a mail provider's HTTP API: Postmark, Brevo."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from connectors.mail.errors import BouncedError, CarrierError, LaterError, RefusedError
from connectors.nurture.letter import Letter
from connectors.outward.addresses import Allowed
from connectors.outward.client import Answer, OutwardClient
from connectors.outward.errors import OutwardError
from scorer.times import Micros

Provider = Literal["postmark", "brevo"]
URLS: Final[Mapping[Provider, str]] = {
    "postmark": "https://api.postmarkapp.com",
    "brevo": "https://api.brevo.com/v3",
}
_MOST_ANSWER: Final = 65_536
_TRY_LATER: Final = frozenset({401, 402, 403, 408, 425, 429})
"""Not the letter's fault: a key, a quota, a pace. It is sent once that was seen to."""
_INACTIVE: Final = 406
"""Postmark's ErrorCode of a recipient who bounced or complained before."""
_NO_ADDRESS: Final = frozenset({300})
"""Postmark's of an address that can't be one."""


class ProviderCarrier:
    """One guarded client, whose connections letters share."""

    def __init__(
        self,
        provider: Provider,
        token: str,
        allowed: Allowed,
        clock: Callable[[], Micros],
        url: str | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        """`url`: in place of the provider's own; private only where `allowed`."""
        self._provider = provider
        self._token = token
        self._url = (url or URLS[provider]).rstrip("/")
        self._clock = clock
        self._client = OutwardClient(allowed, total_s=timeout_s, most_bytes=_MOST_ANSWER)

    async def send(self, letter: Letter) -> None:
        """Hands over one letter."""
        if self._provider == "postmark":
            answer = await self._post("/email", {"X-Postmark-Server-Token": self._token}, _postmark(letter))
            self._judge_postmark(answer)
        else:
            self._judge(await self._post("/smtp/email", {"api-key": self._token}, _brevo(letter)))

    async def close(self) -> None:
        """Hangs up."""
        await self._client.close()

    async def _post(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
        headers |= {"accept": "application/json", "content-type": "application/json"}
        content = msgspec.json.encode(body)
        try:
            return await self._client.send("POST", self._url + path, headers=headers, content=content)
        except OutwardError as error:
            raise LaterError(f"{self._provider}: {error}", for_all=True) from None

    def _judge(self, answer: Answer) -> None:
        if answer.is_success:
            return
        status = answer.status
        said = f"{self._provider} answers {status}"
        if status in _TRY_LATER or status >= 500 or status < 400:
            raise LaterError(said, answer.retry_after_s(self._clock()) or 0.0, for_all=True)
        raise RefusedError(said)

    def _judge_postmark(self, answer: Answer) -> None:
        status, code = answer.status, _error_code(answer)
        refused: CarrierError | None = None
        if status == 422 and code == _INACTIVE:
            refused = BouncedError("postmark: the recipient is inactive (406)")
        elif status == 422 and code in _NO_ADDRESS:
            refused = RefusedError(f"postmark refuses the mail ({code})")
        elif status == 422 and code in (400, 401, 405, 412, 413):
            refused = LaterError(f"postmark: sender or account not ready ({code})", for_all=True)
        elif status == 200 and code != 0:
            refused = LaterError(f"postmark answers 200 with ErrorCode {code}")
        if refused is not None:
            raise refused
        self._judge(answer)


def _error_code(answer: Answer) -> object:
    """Postmark's, which says more than the status; None where its body is none."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any]).get("ErrorCode")
    except msgspec.DecodeError:
        return None


def _postmark(letter: Letter) -> dict[str, Any]:
    """The body of POST /email; our Message-ID stays where `X-PM-KeepID` says so."""
    headers = {**letter.headers, "Message-ID": letter.message_id, "X-PM-KeepID": "true"}
    body: dict[str, Any] = {
        "From": _named(letter),
        "To": letter.to,
        "Subject": letter.subject,
        "TextBody": letter.text,
        "HtmlBody": letter.html,
        "MessageStream": "broadcast",
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
        "TrackOpens": False,
        "TrackLinks": "None",
        "Metadata": {"lead_id": letter.lead[:80], "message_id": letter.message},
        "Tag": letter.campaign,
    }
    return body | ({"ReplyTo": letter.sender.reply_to} if letter.sender.reply_to else {})


def _brevo(letter: Letter) -> dict[str, Any]:
    """The body of POST /smtp/email; a repeat within a quarter of an hour is known by its `idempotencyKey`."""
    sender = {"email": letter.sender.address} | ({"name": letter.sender.name} if letter.sender.name else {})
    body: dict[str, Any] = {
        "sender": sender,
        "to": [{"email": letter.to}],
        "subject": letter.subject,
        "textContent": letter.text,
        "htmlContent": letter.html,
        "headers": {
            **letter.headers,
            "Message-Id": letter.message_id,
            "idempotencyKey": str(UUID(letter.message)),
        },
        "tags": [letter.campaign],
    }
    return body | ({"replyTo": {"email": letter.sender.reply_to}} if letter.sender.reply_to else {})


def _named(letter: Letter) -> str:
    name = letter.sender.name.replace("\\", "").replace('"', "")
    return f'"{name}" <{letter.sender.address}>' if name else letter.sender.address
