"""Carriers against a real mail server with TLS and passwords, and strict stand-ins of providers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from aiosmtpd.smtp import SMTP, AuthResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.mail.errors import BouncedError, CarrierError, LaterError, MailError, RefusedError
from connectors.mail.smtp import SmtpAccess, SmtpCarrier
from connectors.nurture.letter import Letter
from connectors.nurture.plan import Sender
from connectors.nurture.provider import Provider, ProviderCarrier
from connectors.outward.addresses import Allowed
from deploy.ports import free_ports
from scorer.times import Micros
from tests.certificate import self_signed
from tests.nurture_world import MONDAY, mail_server

LETTER = Letter(
    "5f" * 16, "u-1", "keep-warm", Sender("claire@acme.example", "Claire Mártin", "sales@acme.example"),
    "ada@u-1.example", "Été ?", "Bonjour é\n", "<p>Bonjour é</p>", Micros(MONDAY),
    {"List-Unsubscribe": "<https://x.example/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
)  # fmt: skip
TOKEN = "server-token"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the test's own for 127.0.0.1, and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = self_signed(folder)
    both = folder / "mail.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return both


def _authenticate(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (b"leadheat", b"secret")
    return AuthResult(success=good, handled=False)


async def test_starttls_and_a_password(certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with mail_server(
        tls_context=context, require_starttls=True, auth_required=True, authenticator=_authenticate
    ) as server:
        access = SmtpAccess("127.0.0.1", server.port, "starttls", "leadheat", "secret", str(certificate))
        carrier = SmtpCarrier(access)
        for _ in range(2):
            await carrier.send(LETTER)
        await carrier.close()
        assert [str(mail["Subject"]) for _, mail in server.inbox.mails] == ["Été ?", "Été ?"]
        for wrong in (
            replace(access, password="other"),
            replace(access, ca=None),  # a certificate that nobody vouches for
        ):
            stranger = SmtpCarrier(wrong)
            with pytest.raises(LaterError) as refused:
                await stranger.send(LETTER)
            assert "other" not in str(refused.value)
            await stranger.close()
        assert len(server.inbox.mails) == 2


async def test_a_server_without_tls_gets_no_password_and_no_mail() -> None:
    async with mail_server() as server:
        carrier = SmtpCarrier(SmtpAccess("127.0.0.1", server.port, "starttls", "leadheat", "secret"))
        with pytest.raises(LaterError):
            await carrier.send(LETTER)
        assert server.inbox.mails == []
        await carrier.close()


async def test_a_refused_message_says_nothing_of_the_address() -> None:
    async with mail_server() as server:
        carrier = server.carrier(connections=1)
        server.inbox.refuse_data = "554 5.7.1 spam"
        with pytest.raises(RefusedError):
            await carrier.send(LETTER)
        server.inbox.refuse_data = None
        await carrier.send(LETTER)
        server.inbox.answers["ada@u-1.example"] = "552 5.2.2 mailbox full"
        with pytest.raises(RefusedError):
            await carrier.send(LETTER)
        server.inbox.answers["ada@u-1.example"] = "550 unknown user ada@u-1.example"
        with pytest.raises(BouncedError) as bounced:
            await carrier.send(LETTER)
        assert "ada" not in str(bounced.value)
        await carrier.close()


@pytest.mark.parametrize(
    "url", ["", "mail.acme.example", "http://x", "smtp://", "smtp://h:port", "smtp://u:secret@"]
)
def test_no_address_of_a_server(url: str) -> None:
    with pytest.raises(MailError) as refused:
        SmtpAccess.read(url)
    assert "secret" not in str(refused.value)


def test_addresses_of_servers() -> None:
    assert SmtpAccess.read("smtps://a%40b:p%2Fw@mail.example") == SmtpAccess(
        "mail.example", 465, "tls", "a@b", "p/w"
    )
    assert SmtpAccess.read("smtp+plain://localhost:1025").security == "none"


@asynccontextmanager
async def _api(path: str, answer: Callable[[Request, Any], Response]) -> AsyncIterator[str]:
    """A provider's API on a port of its own."""

    async def take(request: Request) -> Response:
        return answer(request, await request.json())

    (port,) = free_ports(1)
    app = Starlette(routes=[Route(path, take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))

    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


class _Postmark:
    """POST /email, as https://postmarkapp.com/developer/user-guide/send-email-with-api describes it."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.inactive: set[str] = set()
        self.status: int | None = None

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        # "the correct HTTP header with the correct API token", else 401 (developer/api/overview)
        if request.headers.get("x-postmark-server-token") != TOKEN:
            return JSONResponse({"ErrorCode": 10, "Message": "Bad or missing API token"}, 401)
        assert request.headers["accept"] == "application/json"
        assert request.headers["content-type"] == "application/json"
        if self.status is not None:
            return JSONResponse({"ErrorCode": 100, "Message": "Maintenance"}, self.status)
        known = {
            "From", "To", "Cc", "Bcc", "Subject", "Tag", "HtmlBody", "TextBody", "ReplyTo", "Headers",
            "TrackOpens", "TrackLinks", "Attachments", "Metadata", "MessageStream",
        }  # fmt: skip
        if not body.keys() <= known or not {"From", "To"} <= body.keys():
            return JSONResponse({"ErrorCode": 403, "Message": "Incompatible JSON"}, 422)
        if not (body.get("TextBody") or body.get("HtmlBody")):
            return JSONResponse({"ErrorCode": 300, "Message": "Invalid email request"}, 422)
        assert all(set(one) == {"Name", "Value"} for one in body["Headers"])
        # error codes of developer/api/overview#error-codes: 406 is an inactive recipient
        if body["To"] in self.inactive:
            return JSONResponse({"ErrorCode": 406, "Message": "Inactive recipient"}, 422)
        self.taken.append(body)
        return JSONResponse({"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a", "To": body["To"]})


class _Brevo:
    """POST /v3/smtp/email, as https://developers.brevo.com/reference/send-transac-email describes it."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.status: int | None = None

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        if request.headers.get("api-key") != TOKEN:
            return JSONResponse({"code": "unauthorized", "message": "Key not found"}, 401)
        if self.status is not None:
            return JSONResponse({"code": "x", "message": "x"}, self.status, {"Retry-After": "7"})
        known = {"sender", "to", "subject", "textContent", "htmlContent", "headers", "tags", "replyTo"}
        missing = {"sender", "to", "subject", "htmlContent"} - body.keys()
        if missing or not body.keys() <= known or set(body["sender"]) - {"name", "email"}:
            return JSONResponse({"code": "missing_parameter", "message": "x"}, 400)
        # developers.brevo.com/docs/heterogenous-versions-batch-emails: the key must be a UUID; one request
        # for each key is processed
        key = str(UUID(body["headers"]["idempotencyKey"]))
        if key not in self.keys:
            self.keys.add(key)
            self.taken.append(body)
        return JSONResponse({"messageId": "<1@smtp-relay.mailin.fr>"}, 201)


@asynccontextmanager
async def _carrier(provider: Provider, url: str, token: str = TOKEN) -> AsyncIterator[ProviderCarrier]:
    one = ProviderCarrier(provider, token, Allowed.parse("127.0.0.1"), lambda: MONDAY, url)
    try:
        yield one
    finally:
        await one.close()


async def test_postmark() -> None:
    stand_in = _Postmark()
    async with _api("/email", stand_in) as url, _carrier("postmark", url) as carrier:
        await carrier.send(LETTER)
        [body] = stand_in.taken
        headers = {one["Name"]: one["Value"] for one in body["Headers"]}
        assert headers["Message-ID"] == LETTER.message_id
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert (body["To"], body["Subject"]) == ("ada@u-1.example", "Été ?")
        stand_in.inactive.add("ada@u-1.example")
        with pytest.raises(BouncedError):
            await carrier.send(LETTER)


async def test_brevo_and_a_repeat_that_it_knows() -> None:
    stand_in = _Brevo()
    async with _api("/smtp/email", stand_in) as url, _carrier("brevo", url) as carrier:
        await carrier.send(LETTER)
        await carrier.send(LETTER)
        [body] = stand_in.taken
        assert body["to"] == [{"email": "ada@u-1.example"}]
        assert body["headers"]["Message-Id"] == LETTER.message_id


@pytest.mark.parametrize("provider", ["postmark", "brevo"])
async def test_what_a_provider_answers(provider: Provider) -> None:
    stand_in = _Postmark() if provider == "postmark" else _Brevo()
    path = "/email" if provider == "postmark" else "/smtp/email"
    kinds: dict[int, type[CarrierError]] = {
        429: LaterError,
        500: LaterError,
        503: LaterError,
        302: LaterError,
    }
    async with _api(path, stand_in) as url:
        async with _carrier(provider, url) as carrier:
            for status, kind in kinds.items():
                stand_in.status = status
                with pytest.raises(kind):
                    await carrier.send(LETTER)
            stand_in.status = 413
            with pytest.raises(RefusedError):
                await carrier.send(LETTER)
        async with _carrier(provider, url, "other") as stranger:
            with pytest.raises(LaterError) as refused:
                await stranger.send(LETTER)
            assert "other" not in str(refused.value)
    async with _carrier(provider, url) as carrier:
        with pytest.raises(LaterError):  # nobody answers
            await carrier.send(LETTER)


async def test_a_provider_at_a_private_address_gets_nothing_unless_that_is_allowed() -> None:
    stand_in = _Brevo()
    async with _api("/smtp/email", stand_in) as url:
        guarded = ProviderCarrier("brevo", TOKEN, Allowed(), lambda: MONDAY, url)
        with pytest.raises(LaterError, match="LEADHEAT_ALLOW_PRIVATE"):
            await guarded.send(LETTER)
        await guarded.close()
        assert stand_in.taken == []


async def test_more_of_an_answer_than_counts_is_given_up() -> None:
    def chatty(request: Request, body: Any) -> Response:
        return Response(b"x" * 65_537, 500)

    async with _api("/email", chatty) as url, _carrier("postmark", url) as carrier:
        with pytest.raises(LaterError, match="longer than"):
            await carrier.send(LETTER)
