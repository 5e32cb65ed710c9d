"""Starts the command `leadheat`: a Ctrl-C while it is still being loaded ends it without a traceback."""

import os
import signal
import sys
from typing import Final

_STAY: Final = frozenset({"up", "gateway", "worker", "serve", "notify", "nurture", "accounts"})
"""Until they are told to stop; `sync` as well, without an option that looks at once."""


def main() -> None:
    """Runs the command line; what stays is told to stop, before it has begun, without having failed."""
    if _STAY.intersection(sys.argv[1:2]) or sys.argv[1:] == ["sync"]:
        for number in (signal.SIGINT, signal.SIGTERM):  # until a command sets its own
            signal.signal(number, lambda *_: os._exit(0))
        from deploy.cli import main as run
    else:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        from deploy.cli import main as run

        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
