"""Write keys: which admit where."""

import pytest

from connectors.ingest.errors import ConfigError, RefusedError
from connectors.ingest.keys import WriteKeys

KEYS = WriteKeys(
    [" s3cret ", "other", "snowplow:shop", "mautic:*", "webhook:sendgrid", "segment:wk_page"], ["rk_read"]
)


@pytest.mark.parametrize(
    ("protocol", "key", "place"),
    [
        ("events", "s3cret", 0),
        ("events", "other", 1),
        ("segment", "s3cret", 0),
        ("snowplow", "shop", 2),
        ("snowplow", "s3cret", 0),
        ("mautic", "whoever", 3),
        ("webhook", "sendgrid", 4),
        ("segment", "wk_page", 5),
    ],
)
def test_admits(protocol: str, key: str, place: int) -> None:
    assert KEYS.admit(protocol, key) == place


@pytest.mark.parametrize(
    ("protocol", "key", "status"),
    [
        ("events", None, 401),
        ("events", "", 401),
        ("events", "S3cret", 401),
        ("events", " s3cret", 401),
        ("events", "s3cre\udcff", 401),
        ("events", "*", 401),
        ("snowplow", "Shop", 401),
        ("events", "shop", 403),
        ("events", "snowplow:shop", 403),
        ("segment", "shop", 403),
        ("events", "wk_page", 403),
        ("events", "rk_read", 403),
    ],
)
def test_refuses(protocol: str, key: str | None, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        KEYS.admit(protocol, key)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [""],
        ["*"],
        ["s3cret", " "],
        ["snowplow:"],
        ["smoke:signals"],
        ["segment:*"],
        ["posthog:*"],
        ["amplitude:x"],
    ],
)
def test_a_wrong_setting_is_named(keys: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^LEADHEAT_WRITE_KEYS: .*expected"):
        WriteKeys(keys)


def test_keeps_no_key_in_clear() -> None:
    assert "s3cret" not in repr(vars(KEYS))
    assert "sendgrid" not in repr(vars(KEYS))
