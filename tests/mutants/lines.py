"""Which tests run which lines of the core, and how long they take."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from coverage import Coverage

from tests.mutants.trials import ROOT, TESTS, draw_few_examples, run_apart, run_pytest

#: A line that fewer tests run may have been run at import, or once and kept: other tests may rest on it.
_FEW = 10
_BATCHES = (25, 150)
_SECONDS_MAX = 1800


@dataclass(frozen=True, kw_only=True)
class Coverings:
    """The seconds of each test, and the tests of each line of each file."""

    seconds: Mapping[str, float]
    tests: Mapping[str, Mapping[int, Sequence[str]]]

    def batches(self, path: str, lines: Iterable[int]) -> Iterator[list[str]]:
        """Yield the tests to try on a change, the quickest first.

        Those that run its lines; where these are few those of its module, which are all where it is only imported.
        """
        of_lines = self.tests.get(path, {})
        chosen = self._quickest({test for line in lines for test in of_lines.get(line, ())})
        yield from _in_batches(chosen)
        if len(chosen) < _FEW:
            of_module = {test for tests in of_lines.values() for test in tests}
            rest = self._quickest((of_module or set(self.seconds)) - set(chosen))
            yield from _in_batches(rest)

    def cost(self, tests: Iterable[str]) -> float:
        """Return how long some tests take unchanged."""
        return sum(self.seconds[test] for test in tests)

    def _quickest(self, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda test: (self.seconds[test], test))


class _Recorder:
    """A pytest plugin that counts lines under the name of the test that runs them."""

    def __init__(self, coverage: Coverage) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._coverage = coverage

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Run what is run on a change."""
        draw_few_examples(items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Name the context."""
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up setup, call and teardown."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def _in_batches(tests: list[str]) -> Iterator[list[str]]:
    bounds = zip((0, *_BATCHES), (*_BATCHES, len(tests)), strict=True)
    yield from (batch for start, end in bounds if (batch := tests[start:end]))


def read_coverings() -> Coverings:
    """Run all tests once on the unchanged core."""
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "coverings.json"
        code = run_apart(lambda: _record(kept), _SECONDS_MAX)
        if code != 0:
            raise SystemExit(f"The tests fail before anything is changed (pytest says {code}): make unit.")
        read = json.loads(kept.read_text())
    tests = {path: {int(line): told for line, told in lines.items()} for path, lines in read["tests"].items()}
    return Coverings(seconds=read["seconds"], tests=tests)


def _record(kept: Path) -> int:
    core = ROOT / "processors"
    coverage = Coverage(data_file=None, config_file=False, include=[f"{core}/*"])
    recorder = _Recorder(coverage)
    coverage.start()
    code = run_pytest(TESTS, recorder)
    coverage.stop()
    data = coverage.get_data()
    tests = {
        str(Path(file).relative_to(ROOT)): {
            line: [test for test in contexts if test] for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    kept.write_text(json.dumps({"seconds": recorder.seconds, "tests": tests}))
    return code
