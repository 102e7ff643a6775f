"""The JSON API keeps its description: tried with what schemathesis makes of it, right and wrong.

That nobody is answered without a token is tried in ``test_scope.py``.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection
from sqlalchemy import Engine

from streams.console.app import create_app
from streams.console.items import cursor_of
from tests.streams.console.serving import made_on, person
from tests.streams.console.test_scope import MINE, scores

EXAMPLES = 40
QUIETLY: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
#: Each call has a token; and in an address ``year=0.0`` and a name given twice are read, whatever their schema says.
LEFT_OUT = [ignored_auth, negative_data_rejection]


@dataclass(frozen=True)
class Described:
    """The API's own description, and the headers of somebody who sees everything."""

    schema: BaseSchema
    headers: dict[str, str]

    def operations(self) -> list[APIOperation[Any, Any, Any, Any]]:
        """Every operation."""
        return [found.ok() for found in self.schema.get_all_operations() if isinstance(found, Ok)]

    def status_of(self, case: schemathesis.Case[Any]) -> int:
        """The status of an answer; one that the description does not allow is an error."""
        return int(case.call_and_validate(headers=self.headers, excluded_checks=LEFT_OUT).status_code)

    def answers(self, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> Counter[int]:
        """Try an operation; count the answers by status."""
        counted: Counter[int] = Counter()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, **QUIETLY)
        def attempt(case: schemathesis.Case[Any]) -> None:
            counted[self.status_of(case)] += 1

        attempt()
        return counted


@pytest.fixture
def described(view: Engine) -> Described:
    made = made_on(view, person("operator"))
    headers = {"authorization": f"Bearer {made.tokens['operator']}"}
    app = create_app(made.console)
    return Described(schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=headers), headers)


def test_every_operation_answers_what_is_right_as_the_description_says(described: Described) -> None:
    told = {
        operation.path: described.answers(operation, GenerationMode.POSITIVE) for operation in described.operations()
    }
    assert len(told) == 7
    assert {path: set(counted) <= {200, 404} for path, counted in told.items()} == dict.fromkeys(told, True)
    assert all(told[path][200] for path in told if "{" not in path)


def test_every_operation_answers_what_is_wrong_as_the_description_says(described: Described) -> None:
    told = {
        operation.path: described.answers(operation, GenerationMode.NEGATIVE) for operation in described.operations()
    }
    assert len(told) == 7
    assert {status for counted in told.values() for status in counted} <= {200, 401, 404, 405, 422}
    assert all(counted.total() > counted[200] for counted in told.values())


def test_what_is_there_is_answered_as_the_description_says(described: Described, view: Engine) -> None:
    query = {"/api/v1/missing": {"limit": "7", "cursor": cursor_of(7), "alert": "FIRING"}}
    named = {
        "/api/v1/practices/{practice_id}": {"practice_id": MINE},
        "/api/v1/clinicians/{npi}": {"npi": scores(view, MINE)[0].npi},
    }
    for operation in described.operations():
        path = operation.path
        assert described.status_of(operation.Case(query=query.get(path), path_parameters=named.get(path))) == 200
