"""Mautic's tracking protocol: page views by its script or an image, and the script itself."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.errors import RefusedError
from connectors.ingest.forms import form
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.mautic_events import translate, unpacked
from connectors.ingest.pixel import pixel
from connectors.ingest.protocol import Context, Head, Parcel
from scorer.errors import EventError
from scorer.ids import somebody

EVENT_PATH: Final = "/mtc/event"
IMAGE_PATH: Final = "/mtracking.gif"
CONTACT_PATH: Final = "/mtc"
SCRIPT_PATH: Final = "/mtc.js"

_SCRIPT: Final = Path(__file__).parent / "script" / "mtc.js"
_DEVICE: Final = "mautic_device_id"
_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_NOWHERE: Final = "-"
"""The site of a request that does not say from where it comes."""
_YEAR_S: Final = 365 * 86_400


class Mautic:
    """The protocol of Mautic's tracking script."""

    name: Final = "mautic"
    paths: Final = {EVENT_PATH: ("POST",), IMAGE_PATH: ("GET",), CONTACT_PATH: ("GET",)}

    def key_of(self, head: Head) -> str:
        """The host of the page: the protocol itself carries no key."""
        return _host(head) or _NOWHERE

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """The page view, and the device that it is told of: named, remembered by its cookie, or new."""
        told = dict(head.query)
        try:
            if head.method == "POST":
                told |= form(body)
            if packed := told.pop("d", None):
                told |= unpacked(packed)
        except EventError as error:
            raise RefusedError(400, str(error)) from None
        device = _device(told.get(_DEVICE)) or _device(head.cookies.get(_DEVICE)) or uuid4().hex
        told[_DEVICE] = device
        told.setdefault("page_url", head.headers.get("referer", ""))  # the page that an image stands on
        tells = head.path != CONTACT_PATH and head.method != "HEAD"
        return Parcel([msgspec.json.encode(told)] if tells else [], shared=device, refusable=False)

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """What a page view tells."""
        told = msgspec.json.decode(item, type=dict[str, str])
        head = context.head
        return translate(told, told[_DEVICE], head.ip, head.user_agent, context.mapping)

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """An image, or the ids of the device; both leave its cookie."""
        del rejected
        device = context.parcel.shared
        told = {"success": 1, "id": device, "sid": device, "device_id": device}
        answer = pixel() if context.head.path == IMAGE_PATH else JSONResponse(told)
        # a page that was fetched safely fetches only safely, so a cookie for it can cross sites
        safely = (_page(context.head) or "").startswith("https:")
        answer.set_cookie(
            _DEVICE,
            device,
            max_age=_YEAR_S,
            secure=safely,
            httponly=True,
            samesite="none" if safely else "lax",
        )
        return answer

    def others(self, intake: Intake) -> list[Route]:
        """The script."""
        del intake
        text = _SCRIPT.read_bytes()

        async def script(_: Request) -> Response:
            headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
            return Response(text, media_type="text/javascript", headers=headers)

        return [Route(SCRIPT_PATH, script, methods=["GET"])]


def _device(told: str | None) -> str | None:
    """The id of a device, if it is one that a cookie can hold."""
    return somebody(told) if told and _DEVICE_ID.match(told) else None


def _page(head: Head) -> str | None:
    return head.headers.get("origin") or head.headers.get("referer")


def _host(head: Head) -> str | None:
    try:
        return urlsplit(_page(head) or "").hostname
    except ValueError:
        return None
