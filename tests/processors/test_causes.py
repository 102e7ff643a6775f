"""Causes are tried: a change alone, or the fewest together; and a change that cannot be made alone is none alone."""

from collections.abc import Callable

from processors.causes import IMPOSSIBLE, Causes, causes_of


def test_where_the_outcome_is_the_same_there_is_no_cause() -> None:
    assert causes_of("abc", lambda _: 1) == Causes()


def test_a_change_that_moves_the_outcome_alone_is_a_cause_and_no_other() -> None:
    assert causes_of("abc", lambda some: "b" in some) == Causes(alone=("b",))


def test_each_of_two_that_move_it_alone_is_a_cause() -> None:
    def added(some: frozenset[str]) -> int:
        return 2 * ("a" in some) + 3 * ("c" in some)

    assert causes_of("abc", added) == Causes(alone=("a", "c"))


def test_each_of_two_of_which_one_would_do_is_a_cause() -> None:
    assert causes_of("abc", lambda some: bool(some & {"a", "b"})) == Causes(alone=("a", "b"))


def test_changes_that_only_together_move_it_are_named_together_without_the_others() -> None:
    assert causes_of("abcdef", lambda some: {"b", "e"} <= some) == Causes(together=("b", "e"))


def test_where_one_alone_is_not_the_whole_those_that_do_the_rest_together_stand_beside_it() -> None:
    def added(some: frozenset[str]) -> int:
        return 5 * ("a" in some) + 10 * ({"b", "c"} <= some)

    assert causes_of("abcdef", added) == Causes(alone=("a",), together=("b", "c"))


def test_what_does_something_only_beside_one_that_moves_it_alone_is_named_together_with_it() -> None:
    def added(some: frozenset[str]) -> int:
        return 5 * ("a" in some) + 10 * ({"a", "b"} <= some)

    assert causes_of("abcdef", added) == Causes(alone=("a",), together=("a", "b"))


def test_a_change_that_another_takes_back_is_no_cause_where_something_else_is_the_whole() -> None:
    def added(some: frozenset[str]) -> int:
        return 5 * ("a" in some and "b" not in some) + ("c" in some)

    assert causes_of("abc", added) == Causes(alone=("c",))


def test_what_cannot_be_made_alone_is_named_with_what_makes_it_possible() -> None:
    def outcome(some: frozenset[str]) -> object:
        return IMPOSSIBLE if "a" in some and "b" not in some else "a" in some

    assert causes_of("abc", outcome) == Causes(together=("a", "b"))


def counting(outcome: Callable[[frozenset[int]], object]) -> tuple[Callable[[frozenset[int]], object], list[int]]:
    tried: list[int] = []

    def counted(some: frozenset[int]) -> object:
        tried.append(len(some))
        return outcome(some)

    return counted, tried


def test_of_many_changes_one_that_matters_is_found_by_halves() -> None:
    outcome, tried = counting(lambda some: 77 in some)
    assert causes_of(range(1000), outcome) == Causes(alone=(77,))
    assert len(tried) < 30


def test_of_many_changes_a_pair_that_matters_together_is_found_by_halves() -> None:
    outcome, tried = counting(lambda some: {77, 900} <= some)
    assert causes_of(range(1000), outcome) == Causes(together=(77, 900))
    assert len(tried) < 100


def test_one_of_many_that_its_neighbour_hides_is_found_all_the_same() -> None:
    """By halves the two are tried together first, and nothing is seen; all changes together show the one."""

    def outcome(some: frozenset[int]) -> bool:
        return 5 in some and (4 not in some or 19 in some)

    assert causes_of(range(20), outcome) == Causes(alone=(5,))
