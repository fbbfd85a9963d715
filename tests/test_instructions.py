"""What is counted is inference alone: a start that did more is not taken for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgespec.bench import instructions
from edgespec.errors import Unreachable

START, ONE = 800_000_000, 390_000


def loops(*extra: int) -> Callable[[int], int]:
    """Count as valgrind does, the starts of the loops doing so much more, one after the other; at the end nothing more."""
    left = {instructions.SHORT: list(extra), instructions.LONG: []}

    def loop(calls: int) -> int:
        more = left[calls].pop(0) if left[calls] else 0
        return START + calls * ONE + more

    return loop


def test_the_start_does_not_count() -> None:
    assert instructions._difference(loops()) == ONE


@pytest.mark.parametrize("extra", [(27_000_000,), (134_000_000, 5_000_000)])
def test_a_start_that_did_more_is_not_taken_for_inference(extra: tuple[int, ...]) -> None:
    assert instructions._difference(loops(*extra)) == ONE


def test_starts_that_never_agree_give_no_number() -> None:
    with pytest.raises(Unreachable, match="differ by 40,000,000"):
        instructions._difference(loops(120_000_000, 80_000_000, 40_000_000, 0))
