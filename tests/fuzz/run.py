"""Fuzzes the parsers with atheris: `python -m tests.fuzz.run --minutes 8`, one process for each target.

What it finds is left in `build/fuzz`, beside what it has learnt; `python -m tests.fuzz.run TARGET --again
FILE` runs such a file again.
"""

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Final

import atheris

FOUND: Final = Path("build/fuzz")
_LONGEST: Final = 300_000
"""Bytes of an input: deep nesting and large numbers of fields need some."""
_FEW: Final = 10
"""Seeds of a target, where it is only run for so many inputs."""
_HANGS_S: Final = 10
_MOST_MB: Final = 1_500


def main() -> int:
    """Exit status 1 where a parser did what none may."""
    wanted = _arguments()
    with atheris.instrument_imports(include=["connectors.ingest", "scorer"], enable_loader_override=False):
        from tests.fuzz.targets import targets
    known = targets()
    if wanted.again:
        known[wanted.targets[0]].run(wanted.again.read_bytes())
        return 0
    names = wanted.targets or list(known)
    seconds = math.ceil(wanted.minutes * 60 / len(names))
    failed = [name for name in names if not _passes(name, wanted, seconds)]
    for name in failed:
        print(f"{name}: see {FOUND}/{name}-*", file=sys.stderr)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzzes the gateway's parsers.")
    parser.add_argument("targets", nargs="*", help="parsers (default: all)")
    parser.add_argument("--minutes", type=float, default=0, help="for all together")
    parser.add_argument("--runs", type=int, default=-1, help="inputs for each, beside the seeds")
    parser.add_argument("--seed", type=int, default=0, help="the same inputs each time; 0: always new ones")
    parser.add_argument("--again", type=Path, help="one input, once")
    return parser.parse_args()


def _passes(name: str, wanted: argparse.Namespace, seconds: int) -> bool:
    """In a process of its own, since libFuzzer ends the one that it runs in."""
    print(name, flush=True)
    child = os.fork()
    if child == 0:
        _fuzz(name, wanted, seconds)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _fuzz(name: str, wanted: argparse.Namespace, seconds: int) -> None:
    from tests.fuzz.targets import targets

    target = targets()[name]

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        return (
            target.mutate(data, random)[:longest] if random.random() < 0.5 else atheris.Mutate(data, longest)
        )

    FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds:
        begun = target.seeds if seconds else target.seeds[:: 1 + len(target.seeds) // _FEW]
        for place, data in enumerate(begun):
            (Path(seeds) / f"{place:04}").write_bytes(data[:_LONGEST])
        learnt = FOUND / "learnt" / name
        if seconds:
            learnt.mkdir(parents=True, exist_ok=True)
        corpora = [str(learnt)] if seconds else []
        options = {
            "max_total_time": seconds,
            "runs": wanted.runs if wanted.runs < 0 else wanted.runs + len(begun),
            "seed": wanted.seed,
            "max_len": _LONGEST,
            "timeout": _HANGS_S,
            "rss_limit_mb": _MOST_MB,
            "artifact_prefix": f"{FOUND}/{name}-",
            "verbosity": 0,
            "print_final_stats": int(bool(seconds)),
        }
        told = [f"-{option}={value}" for option, value in options.items()]
        atheris.Setup([sys.argv[0], *told, *corpora, seeds], target.run, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
