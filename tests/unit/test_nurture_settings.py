"""What `leadheat nurture` is told: what is missing is named, secrets are never repeated."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connectors.mail.smtp import SmtpCarrier
from connectors.nurture import role
from connectors.nurture.config import NurtureConfig
from connectors.nurture.errors import PlanError
from connectors.nurture.provider import ProviderCarrier
from deploy import roles, settings
from deploy.errors import SettingsError

SAMPLE = Path(__file__).parents[2] / "deploy" / "sequences" / "b2b-fr.yml"
WHOLE: dict[str, Any] = {
    "kafka": "127.0.0.1:1",
    "sequences": SAMPLE,
    "link_key": "a key of 16 or more",
    "gateway_url": "https://go.acme.example",
    "smtp": "smtp://leadheat@mail.acme.example",
}


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ("kafka", "KAFKA"),
        ("sequences", "SEQUENCES"),
        ("link_key", "LINK_KEY"),
        ("gateway_url", "GATEWAY_URL"),
        ("smtp", "SMTP"),
    ],
)
def test_what_is_missing_is_named(without: str, named: str) -> None:
    told = {name: value for name, value in WHOLE.items() if name != without}
    with pytest.raises(SettingsError, match=f"LEADHEAT_{named}"):
        roles.nurture(settings.load(**told))


async def test_who_carries_the_mails(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    server = roles.nurture(settings.load(**WHOLE, smtp_password_file=secret)).carrier()
    assert isinstance(server, SmtpCarrier)
    assert server._access.password == "s3cret"
    assert "s3cret" not in repr(server._access)
    told = {name: value for name, value in WHOLE.items() if name != "smtp"}
    provider = roles.nurture(settings.load(**told, mail_provider="brevo", mail_token_file=secret)).carrier()
    assert isinstance(provider, ProviderCarrier)
    await provider.close()


@pytest.mark.parametrize(
    "more",
    [
        {"mail_provider": "brevo", "mail_token": "s3cret"},
        {"smtp_password": "s3cret", "smtp_password_file": "/nowhere"},
        {"smtp_password_file": "/nowhere"},
    ],
    ids=["both", "twice", "no-file"],
)
def test_what_can_not_be_meant(more: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        roles.nurture(settings.load(**WHOLE, **more))
    assert "s3cret" not in str(refused.value)


def test_up_checks_the_file_and_needs_no_key_or_address(tmp_path: Path) -> None:
    told = {"sequences": SAMPLE, "smtp": WHOLE["smtp"]}
    assert roles.nurture(settings.load(**told), alone=False).plan.name == "b2b-fr"
    wrong = tmp_path / "s.yml"
    wrong.write_text("nurturing: x\n")
    with pytest.raises(PlanError, match="mails: missing"):
        roles.nurture(settings.load(**{**told, "sequences": wrong}), alone=False)


async def test_a_changed_file_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "s.yml"
    file.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    config = roles.nurture(settings.load(**{**WHOLE, "sequences": file}))
    stop, names = asyncio.Event(), []

    async def work_on(now: NurtureConfig, publisher: object, ended: asyncio.Event) -> None:
        names.append(now.plan.name)
        if len(names) == 1:
            text = SAMPLE.read_text(encoding="utf-8").replace("nurturing: b2b-fr", "nurturing: b2b-en")
            file.write_text(text, encoding="utf-8")
        else:
            stop.set()
        await ended.wait()

    monkeypatch.setattr(role, "_work_on", work_on)
    async with asyncio.timeout(20):
        await role._go_on(config, None, stop)  # type: ignore[arg-type]
    assert names == ["b2b-fr", "b2b-en"]
