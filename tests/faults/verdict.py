"""What a scenario came to, for people: the ledger, the figures, and what is not as it must be."""

import io
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.faults.checker import Found

_SHOWN: Final = 8
"""Of each kind of mistake; the rest is counted."""


@dataclass(frozen=True)
class Verdict:
    """One scenario's outcome."""

    scenario: str
    size: str
    seed: int
    ledger: dict[str, int]
    found: Found
    actions: list[str]
    heal_s: float
    standstill: str
    peak_mib: float
    own_ends: int
    """Workers that ended by themselves and were started anew."""

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), width=120, force_terminal=False)
        table = Table(title=f"{self.scenario} ({self.size}, seed {self.seed})", show_header=False)
        for name, value in self.ledger.items():
            table.add_row(name, f"{value:,}")
        found = self.found
        counts = {
            "acknowledged, not on the topic": len(found.missing),
            "lost": found.lost,
            "doubled": found.doubled,
            "scores wrong": len(found.scores_wrong),
            "states wrong": len(found.states_wrong),
            "scores that went back (I3)": len(found.went_back),
            "alerts missing": len(found.alerts_missing),
            "alerts that must not be": len(found.alerts_extra),
            "alerts under another id": len(found.alerts_other_id),
            "alerts repeated under the same id (allowed)": found.alerts_repeated,
            "dead letters missing": len(found.letters_missing),
            "dead letters that must not be": len(found.letters_extra),
        }
        for name, value in counts.items():
            table.add_row(name, f"{value:,}", style="red" if value and "allowed" not in name else "")
        table.add_row("healed after", f"{self.heal_s:.1f} s")
        table.add_row("longest standstill of a partition", self.standstill)
        table.add_row("workers that ended by themselves", str(self.own_ends))
        table.add_row("most memory of a worker", f"{self.peak_mib:.0f} MiB")
        console.print(table)
        for name, wrong in self.found.wrong.items():
            if isinstance(wrong, list):
                console.print(f"{name}:", *wrong[:_SHOWN], sep="\n  ", markup=False, soft_wrap=True)
        console.print("what was done:", *self.actions, sep="\n  ", markup=False, soft_wrap=True)
        file = console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue()

    def require_right(self) -> None:
        """AssertionError, with all of it, where something is not as it must be."""
        assert not self.found.wrong, f"\n{self}"
