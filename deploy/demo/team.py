"""The team that takes the demonstration's leads."""

from pathlib import Path
from typing import Final

DEMO_TEAM: Final = Path(__file__).with_name("team.yml")
