"""One decoder under the coverage-guided fuzzer (atheris), in a process of its own: ``long_form`` starts it.

An error that no harness names is counted and its input kept; the run goes on, so that one fault does not hide the next.
"""

import argparse
import atexit
import gc
import importlib
import json
import mmap
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.fuzz.swollen import LENGTH, swollen

_PAGE = 4096
#: What takes so long hangs: the process is ended by its alarm, since compiled code listens to nothing else.
_HANGS_SECONDS = 20
_MOST_INPUT_BYTES = 4 * LENGTH
#: Coverage is of our own modules; the libraries below are compiled.
_INSTRUMENTED = ["schemas", "streams.admission", "streams.contents", "streams.commands.files", "processors.identity"]


@dataclass(kw_only=True)
class Account:
    """What a run came to; sizes in KiB, the slowest in seconds of one core.

    Written at every tenth, so that a crash of the process leaves what was.
    """

    decoder: str
    runs: int
    done: int = 0
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    swollen_seconds: float = 0.0
    warm_kib: int = 0
    end_kib: int = 0
    errors: dict[str, int] = field(default_factory=dict)


class Watched:
    """A harness, watched: how often, how long, how large, and what came out of it."""

    def __init__(self, run: Callable[[bytes], None], account: Account, found: Path) -> None:
        self._run = run
        self._account = account
        self._found = found
        self._began = time.perf_counter()
        self._current = current_input(found / "current")
        self._tenth = max(account.runs // 10, 1)

    def __call__(self, content: bytes) -> None:
        account = self._account
        self._current[: len(content) + 4] = len(content).to_bytes(4, "big") + content
        signal.alarm(_HANGS_SECONDS)
        began = time.thread_time()
        try:
            self._run(content)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody named it
            self._failed(error, content)
        took = time.thread_time() - began
        account.done += 1
        if took > account.slowest_seconds:
            account.slowest_seconds = took
            (self._found / "slowest").write_bytes(content)
        if account.done % self._tenth == 0:
            self.save()

    def swell(self, contents: Iterable[bytes]) -> None:
        """Run valid inputs that are swollen; their slowest is kept apart, and they are not counted."""
        for content in contents:
            for longer in swollen(content):
                self(longer)
        account = self._account
        account.swollen_seconds, account.slowest_seconds, account.done = account.slowest_seconds, 0.0, 0
        self._began = time.perf_counter()

    def save(self) -> None:
        """Note the size and write the account."""
        account = self._account
        signal.alarm(0)
        gc.collect()
        account.end_kib = resident_kib()
        if account.done <= 2 * self._tenth:
            account.warm_kib = account.end_kib  # a fifth of the run, in which most of the corpus is found
        account.seconds = time.perf_counter() - self._began
        (self._found / "account.json").write_text(json.dumps(asdict(account)))

    def _failed(self, error: Exception, content: bytes) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        name = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        count = self._account.errors.get(name, 0)
        self._account.errors[name] = count + 1
        if count < 3:
            (self._found / f"error-{sha256(content).hexdigest()[:12]}").write_bytes(content)


def current_input(path: Path) -> mmap.mmap:
    """Return memory that is a file: the input in hand, its length before it, which a dying process leaves behind."""
    path.write_bytes(bytes(_MOST_INPUT_BYTES + 4))
    with path.open("r+b") as stream:
        return mmap.mmap(stream.fileno(), _MOST_INPUT_BYTES + 4)


def resident_kib() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE // 1024


def main() -> None:
    """Fuzz one decoder: its name, the executions, the corpus's folder, the folder of what is found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("decoder")
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--most-bytes", type=int, default=4096)
    given = parser.parse_args()
    atheris = importlib.import_module("atheris")  # not among the development dependencies
    with atheris.instrument_imports(include=_INSTRUMENTED):
        decoders = importlib.import_module("tests.fuzz.decoders")
        seeds = importlib.import_module("tests.fuzz.seeds")
    account = Account(decoder=given.decoder, runs=given.runs)
    watched = Watched(decoders.DECODERS[given.decoder].run, account, given.found)
    watched.swell(seeds.SEEDS[given.decoder]())
    atexit.register(watched.save)
    options = [
        f"-atheris_runs={given.runs}",
        f"-max_len={given.most_bytes}",
        f"-artifact_prefix={given.found}/",
        "-rss_limit_mb=2048",
        "-timeout=0",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(given.corpus)], watched)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
