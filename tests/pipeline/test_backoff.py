"""What failed is left alone, ever longer, and what is down is asked by one call at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import HOUR, MINUTE, SECOND
from bot.pipeline.backoff import FIRST, LONGEST, TRIES, Breaker, wait
from tests.fakes.clock import NOW


@given(failures=st.integers(1, 10_000), draw=st.floats(0, 1))
def test_the_wait_is_drawn_from_a_bound_that_doubles_from_5_s_to_15_min(failures: int, draw: float) -> None:
    bound = min(15 * MINUTE, 5 * SECOND * 2 ** (failures - 1))
    assert SECOND <= wait(failures, draw) <= bound
    assert wait(failures, 1.0) == bound


def test_few_failures_stop_nobody() -> None:
    breaker = Breaker()
    for n in range(TRIES - 1):
        assert breaker.lets(NOW + n)
        assert breaker.lets(NOW + n)
        failed_at = NOW + n + 2 * SECOND
        assert breaker.failed(failed_at, 1.0, sent_at=NOW + n) == failed_at + (FIRST << n)
        # One that went out with it, and failed later, comes back with it.
        assert breaker.failed(failed_at + 7, 0.1, sent_at=NOW + n) == failed_at + (FIRST << n)


def test_what_is_down_is_asked_by_one_call_at_a_time_and_by_all_once_it_answers() -> None:
    breaker = Breaker()
    for n in range(TRIES):
        until = breaker.failed(NOW + n, 1.0, sent_at=NOW + n)
    assert until == NOW + TRIES - 1 + (FIRST << TRIES - 1)
    assert not breaker.lets(until - 1)
    assert breaker.again_at(until - 1) == max(until, until - 1 + 5 * SECOND)
    assert breaker.lets(until)
    assert breaker.one_only
    breaker.called()
    assert not breaker.lets(until)  # one finds out
    assert breaker.again_at(until) > until
    again = breaker.failed(until, 1.0, sent_at=until)
    assert not breaker.lets(again - 1)
    assert breaker.lets(again)
    breaker.called()
    breaker.broke_off()  # nobody knows what came of it
    assert breaker.lets(again)
    breaker.well()
    assert breaker.lets(again)
    assert not breaker.one_only


def test_who_wants_to_rest_is_let_rest_and_not_taken_for_down() -> None:
    breaker = Breaker()
    breaker.rest(NOW + HOUR)
    assert not breaker.lets(NOW + HOUR - 1)
    assert breaker.lets(NOW + HOUR)
    assert breaker.lets(NOW + HOUR)


def test_a_clock_that_was_set_back_does_not_lengthen_the_rest() -> None:
    breaker = Breaker()
    breaker.rest(NOW + HOUR)
    breaker.rearm(NOW - 5 * HOUR)
    assert breaker.lets(NOW - 5 * HOUR + LONGEST)
