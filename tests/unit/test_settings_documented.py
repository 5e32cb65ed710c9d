"""docs/settings.md says what the code does: every setting, its default and its meaning."""

from pathlib import Path

from deploy import settings_doc
from deploy.settings import Settings

_ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_code_generates() -> None:
    page = (_ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_doc.render(), "run `make docs`"


def test_every_setting_is_described_in_a_sentence() -> None:
    for name, about in Settings.model_fields.items():
        assert about.description is not None, name
        assert about.description.endswith("."), name


def test_durations_and_sizes_name_their_unit() -> None:
    words = ("timeout", "wait", "linger", "alive", "max")
    for name in Settings.model_fields:
        if any(word in name for word in words):
            assert name.endswith(("_s", "_ms", "_bytes")), name
