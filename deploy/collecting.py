"""The garbage collector in a role: what start-up made stays for good, and is not looked through again."""

import gc
from typing import Final

_COLLECT_AFTER: Final = (10_000, 20, 20)
"""New objects before the youngest are looked through: a request makes and leaves more than Python's 700."""


def settle() -> None:
    """To be called once all is imported and built.

    Modules, models and routes are some 300,000 objects: a gateway under load stood still for 60 ms every two
    seconds while the collector looked through them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
