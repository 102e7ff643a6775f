"""``python -m tests.replay``: the long form, or one seed again with its trace."""

import argparse
import sys
import time

from tests.replay.controls import CONTROLS
from tests.replay.process import Seen
from tests.replay.seed import Break, collected_between, fails

_PROGRESS_SECONDS = 20


def main() -> int:
    """Run the seeds that are asked for; 1 where one breaks a promise."""
    asked = _arguments()
    broken = CONTROLS[asked.control].broken if asked.control else Break()
    if asked.seed is not None:
        return _one(asked.seed, broken, trace=asked.verbose)
    return _many(range(asked.first, asked.first + asked.seeds), broken, 60 * asked.minutes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="begin no further seed after so long")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("-v", "--verbose", action="store_true", help="with the trace of its steps")
    parser.add_argument("--control", choices=sorted(CONTROLS), help="with a guard of the product taken away")
    return parser.parse_args()


def _one(seed: int, broken: Break, *, trace: bool) -> int:
    seen = Seen(trace=_say if trace else None)
    failed = fails(seed, seen, broken)
    _say(f"seed {seed}: {failed or 'every promise holds'}")
    return int(failed is not None)


def _many(seeds: range, broken: Break, seconds: float) -> int:
    seen, started = Seen(), time.monotonic()
    said = started
    for seed in seeds:
        with collected_between(seed):
            failed = fails(seed, seen, broken)
        if failed is not None:
            _say(f"seed {seed}: {failed}")
            _say(f"Again, with its trace: .venv/bin/python -m tests.replay --seed {seed} -v")
            return 1
        if time.monotonic() - started > seconds:
            break
        if time.monotonic() - said > _PROGRESS_SECONDS:
            said = time.monotonic()
            _say(f"{seen.seeds} of {len(seeds)} seeds, {said - started:.0f} s")
    _say(f"{seen.told()}\n{time.monotonic() - started:.0f} s, {time.process_time():.0f} s of one core")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
