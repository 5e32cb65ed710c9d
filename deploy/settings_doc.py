"""Writes docs/settings.md from the settings themselves (`make docs`)."""

import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from deploy.settings import DEFAULT_GRID, PREFIX, Settings

_HEAD = """# Settings

Every setting is an environment variable; options of the command line come before them.
Names end in their unit. This page is generated (`make docs`), and a test holds it to the code.

| setting | default | meaning |
|---|---|---|
"""


def render() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_row(name) for name in Settings.model_fields)


def _row(name: str) -> str:
    about = Settings.model_fields[name]
    return f"| `{PREFIX}{name.upper()}` | {_default(about.default)} | {about.description} |\n"


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if value == DEFAULT_GRID:
        package = Path(__file__).parent
        return f"`{DEFAULT_GRID.relative_to(package.parent).as_posix()}`"
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(render())
