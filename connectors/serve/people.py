"""What the people are called who have leads, by the team file."""

import time
from typing import Final

from connectors.office.team import Team
from connectors.watched_file import WatchedFile

_LOOK_EVERY_S: Final = 1.0


class People:
    """The team, as its file says it at the time; nobody, where there is none."""

    def __init__(self, file: WatchedFile[Team] | None) -> None:
        self._file = file
        self._looked = time.monotonic()

    def name(self, person: str | None) -> str | None:
        """How somebody is called; None where nobody is named, and for whoever is not of the team."""
        if self._file is None or person is None:
            return None
        if (now := time.monotonic()) - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._file.changed()
        found = self._file.said.people.get(person)
        return None if found is None else found.name
