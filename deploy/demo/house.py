"""What the demonstration has besides the sample leads: a team that takes them, and a play of accounts."""

from pathlib import Path
from typing import Final

TEAM: Final = Path(__file__).with_name("team.yml")
ACCOUNTS: Final = Path(__file__).with_name("accounts.yml")
"""What is added to the sample grid, whose plays come last: one play more, then how accounts add up."""


def with_accounts(sample: Path, folder: Path) -> Path:
    """Writes the sample grid and the demonstration's addition into a folder, as one grid; its file."""
    grid = folder / sample.name
    grid.write_text(sample.read_text("utf-8") + ACCOUNTS.read_text("utf-8"), "utf-8")
    return grid
