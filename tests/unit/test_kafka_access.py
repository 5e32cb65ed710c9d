"""How Kafka lets us in, as the settings say; and what is refused before anything is asked."""

import subprocess
from pathlib import Path

import pytest

from deploy.errors import SettingsError
from deploy.settings import Settings
from scorer.brokers import access_to, connection


def settings(**given: object) -> Settings:
    return Settings(kafka="k:9092", **given)  # type: ignore[arg-type]


def test_without_any_it_is_as_before() -> None:
    assert connection(settings().require_kafka()) == {"bootstrap_servers": "k:9092"}


def test_a_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    for how in ({"kafka_password": "secret"}, {"kafka_password_file": tmp_path / "password"}):
        kafka = settings(kafka_security_protocol="SASL_PLAINTEXT", kafka_username="u", **how).require_kafka()
        assert connection(kafka) == {
            "bootstrap_servers": "k:9092",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "u",
            "sasl_plain_password": "secret",
        }
        assert "secret" not in repr(access_to(kafka))
        assert type(connection(kafka)["bootstrap_servers"]) is str


def test_certificates(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=us"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    found = settings(
        kafka_security_protocol="SSL", kafka_ca=certificate, kafka_cert=certificate, kafka_key=key
    ).require_kafka()
    assert connection(found)["security_protocol"] == "SSL"
    context = connection(found)["ssl_context"]
    assert context.check_hostname
    assert context.get_ca_certs()[0]["subject"] == ((("commonName", "us"),),)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "LEADHEAT_KAFKA_USERNAME"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_username": "u"}, "LEADHEAT_KAFKA_PASSWORD"),
        ({"kafka_security_protocol": "SSL", "kafka_ca": "nowhere"}, "LEADHEAT_KAFKA_CA.*cannot be read"),
        ({"kafka_security_protocol": "SSL", "kafka_ca": __file__}, "LEADHEAT_KAFKA_CA.*no certificate"),
        ({"kafka_security_protocol": "SSL", "kafka_cert": __file__}, "go together"),
        (
            {
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_username": "u",
                "kafka_password_file": "nowhere",
            },
            "LEADHEAT_KAFKA_PASSWORD_FILE",
        ),
    ],
)
def test_what_is_missing_is_named(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        settings(**wrong).require_kafka()
