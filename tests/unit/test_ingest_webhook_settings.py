"""The webhooks file."""

from pathlib import Path

import pytest

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import ConfigError
from connectors.ingest.gateway import create_app
from connectors.ingest.webhooks.settings import ProviderSettings, load_settings
from scorer.times import SECOND, Micros
from tests.webhook_deliveries import SENDGRID_KEY, TOPIC, WHSEC


def _file(folder: Path, text: str) -> Path:
    path = folder / "webhooks.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_secrets_in_the_file_and_beside_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    found = load_settings(
        _file(
            tmp_path,
            """
            mailgun: {secret: [{file: key}, old], max_age: 10m, lead_id: crm}
            hubspot: {secret: one, url: https://leads.acme.test/h, lead_id: [a, b], older: [v2]}
            ses: {topics: arn}
            """,
        )
    )
    assert found == {
        "mailgun": ProviderSettings(("from-a-file", "old"), max_age_us=600 * SECOND, lead_id=("crm",)),
        "hubspot": ProviderSettings(("one",), "https://leads.acme.test/h", lead_id=("a", "b"), older=("v2",)),
        "ses": ProviderSettings(topics=("arn",)),
    }
    assert load_settings(None) == load_settings(_file(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sendgrid: {secret: canary", "no YAML"),
        ("[sendgrid]", "expected"),
        ("sendgrid: canary", "expected"),
        ("sendgrid: {key: canary}", "expected: provider, then secret"),
        ("sendgrid: {secret: ''}", "expected"),
        ("sendgrid: {secret: canary}", "LEADHEAT_WEBHOOKS: sendgrid: secret: expected SendGrid's"),
        ("sendgrid: {secret: " + WHSEC + "}", "sendgrid: secret: expected SendGrid's"),
        ("resend: {secret: ---}", "resend: secret: expected whsec_"),
        ("standard: {secret: é}", "standard: secret: expected whsec_"),
        ("ses: {topics: canary}", "topics: "),
        ("mailgun: {secret: {file: absent}}", "mailgun: secret: absent: cannot be read"),
        ("mailgun: {secret: {file: empty}}", "empty"),
        ("mailgun: {secret: x, max_age: soon}", "mailgun: max_age: expected a duration"),
        ("hubspot: {secret: x, older: [v3]}", "older"),
        ("pigeon: {secret: canary}", "pigeon: no provider: expected one of amazon_ses, brevo"),
    ],
)
def test_refuses_to_start_with_a_wrong_file(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "empty").write_text("\n")
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError, match=told) as found:
        create_app(GatewayConfig("127.0.0.1:1", "leadheat", ("wk",), lambda: Micros(0), webhooks=path))
    assert "secret: canary" not in str(found.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.yml")


def test_takes_every_kind_of_secret(tmp_path: Path) -> None:
    pem = "\\n".join(["-----BEGIN PUBLIC KEY-----", SENDGRID_KEY, "-----END PUBLIC KEY-----"])
    text = f"""
    sendgrid: {{secret: ["{pem}", {SENDGRID_KEY}]}}
    resend: {{secret: {WHSEC}}}
    standard: {{secret: {WHSEC.removeprefix("whsec_")}}}
    ses: {{topics: ["{TOPIC}"], secret: a-password}}
    generic: {{secret: {WHSEC}}}
    """
    path = _file(tmp_path, text)
    create_app(GatewayConfig("127.0.0.1:1", "leadheat", ("wk",), lambda: Micros(0), webhooks=path))
