"""Tests run in a process of their own, with or without a change of the core.

A process is forked before any module of the project was imported, so that nothing of the unchanged core is left in it:
no rulebook that was read, no score that was kept. What others wrote is imported before, once.
"""

import gc
import importlib
import os
import resource
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

ROOT = Path(__file__).parents[2]
#: The tests that run the core and need no broker; tests/house reads the text of the core, which is not changed.
TESTS = ("tests/processors", "tests/rules", "tests/schemas", "tests/streams")
_LIBRARIES = ("aiokafka", "avro.schema", "fastavro", "faust", "kafka", "msgspec", "pydantic_settings", "rich.table")
_MORE_LIBRARIES = ("sqlmodel", "structlog", "typer.testing", "hypothesis.strategies", "psycopg", "zoneinfo")
_BYTES_OF_MEMORY = 4 * 2**30
_SECONDS_MIN = 20
#: What a property test draws, instead of what it says: most mutants die of the first few, and survivors pay for all.
_EXAMPLES = 25
#: Plain asserts, since nobody reads what they say; nothing is collected at the end to look for what was not closed.
_OPTIONS = ("-q", "--no-header", "--assert=plain", "-p", "no:unraisableexception", "-p", "no:threadexception")
_MARKS = ("-m", "not integration and not container")
#: What a process returns where not the tests but what runs them fails.
_BROKEN = 70


class Chosen:
    """A pytest plugin that runs only the tests it was given, in their order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._order = {test: number for number, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and sort."""
        draw_few_examples(items)
        items[:] = sorted((i for i in items if i.nodeid in self._order), key=lambda i: self._order[i.nodeid])


class Changed(SourceFileLoader):
    """An importer that gives one module with other text than its file has."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib's signature
        """Compile the text that was given."""
        return compile(self._source, self.path, "exec", dont_inherit=True)

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Find the one module, as a finder of sys.meta_path does."""
        return spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None


def draw_few_examples(items: Sequence[pytest.Item]) -> None:
    """Let property tests draw fewer examples than they say they do."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            said = item.obj._hypothesis_internal_use_settings
            item.obj._hypothesis_internal_use_settings = settings(said, max_examples=_EXAMPLES)


def import_libraries() -> None:
    """Import what is slow to import and is not ours."""
    for name in (*_LIBRARIES, *_MORE_LIBRARIES):
        importlib.import_module(name)
    assert not any(name.partition(".")[0] in {"processors", "schemas", "infra", "streams"} for name in sys.modules)


def run_apart(work: Callable[[], int], seconds: float) -> int | None:
    """Do some work in a process of its own and return what it returns, or None where it takes too long."""
    process = get_context("fork").Process(target=_silently, args=(work,))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return None
    if process.exitcode == _BROKEN:
        raise RuntimeError("The tests could not be run.")
    return process.exitcode


def run_tests(tests: Sequence[str], seconds: float, change: Changed | None = None) -> int | None:
    """Run tests by their ids until one fails; return pytest's exit code, or None where they take too long."""

    def work() -> int:
        if change is not None:
            sys.meta_path.insert(0, change)
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        return run_pytest(["-x", *files], Chosen(tests))

    return run_apart(work, _SECONDS_MIN + 10 * seconds)


def run_pytest(arguments: Sequence[str], plugin: object) -> int:
    """Run pytest so that it does the same each time: what Hypothesis draws follows from the test alone."""
    always = settings(settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate))
    settings.register_profile("mutants", always)
    settings.load_profile("mutants")
    return int(pytest.main([*_OPTIONS, *_MARKS, *arguments], plugins=[plugin]))


def _silently(work: Callable[[], int]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES_OF_MEMORY, _BYTES_OF_MEMORY))
    gc.disable()  # a short life: collecting takes a fifth of it
    os.chdir(ROOT)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code = _BROKEN
    try:
        code = work()
    finally:
        os._exit(code)
