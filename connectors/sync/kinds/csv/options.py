"""What the sync file says of a file of scores.

plezi:
  kind: csv
  path: /var/lib/leadheat/exports/plezi.csv
  delimiter: ";"                      # the default is a comma
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors.sync.caller import Line
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.csv.scores import Scores
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where


class Options(msgspec.Struct, frozen=True):
    """Where, and what stands between two values."""

    path: Path
    delimiter: str


class Csv:
    """The kind."""

    name = "csv"
    fields: Mapping[str, bool] = {"path": True, "delimiter": False}
    own_fields: Mapping[str, str] = {
        "score": "leadheat_score",
        "grade": "leadheat_grade",
        "trend": "leadheat_trend",
        "tier": "leadheat_tier",
        "reasons": "leadheat_reasons",
        "lead_id": "leadheat_lead_id",
    }
    traits: Mapping[str, str] = {}
    # The whole file is written anew each time: so many lines at once as come together.
    limits = Limits(batch=5_000, rates={}, tasks=False, reads=False)

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        path, delimiter = told.get("path"), told.get("delimiter", ",")
        if "path" in told and not (isinstance(path, str) and path.endswith(".csv") and path.startswith("/")):
            file.report((*at, "path"), "expected an absolute path, such as /var/lib/leadheat/plezi.csv")
        if delimiter not in (",", ";", "\t"):
            file.report((*at, "delimiter"), 'expected ",", ";" or "\\t"')
            delimiter = ","
        return Options(Path(str(path)), str(delimiter))

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        return Scores(destination, options.path, options.delimiter)


KIND = Csv()
