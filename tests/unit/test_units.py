"""Quantities as people write them, read and shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgespec import units
from edgespec.errors import Mistake


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.size, "512 kB", 512_000),
        (units.size, "512kB", 512_000),
        (units.size, "1.5 MiB", 1_572_864),
        (units.size, 300, 300),
        (units.time, "2 ms", 0.002),
        (units.time, "50 µs", 50e-6),
        (units.time, "1e3 us", 1e-3),
        (units.count, "60 k", 60_000),
        (units.count, 1_000, 1_000),
        (units.share, "95 %", 0.95),
        (units.share, 0.005, 0.005),
        (units.share, "-3 %", -0.03),
        (units.share, 1, 1),
    ],
)
def test_a_quantity_is_read(read: Callable[[str | float], float], text: str | float, value: float) -> None:
    assert read(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("percent", range(101))
def test_a_percentage_is_the_nearest_fraction_and_no_more(percent: int) -> None:
    assert units.share(f"{percent} %") == percent / 100  # 95 * 0.01 would refuse a model that is exactly 95 % right


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (units.size, "512 KB", "is not a size"),
        (units.size, "-1 kB", "is negative"),
        (units.size, "big", "is not a size"),
        (units.size, "1e999", "is not a size"),
        (units.size, True, "is not a size"),
        (units.time, 2, "is not a time"),
        (units.time, "2", "is not a time"),
        (units.time, "two ms", "is not a time"),
        (units.count, "60 kB", "is not a count"),
        (units.share, 95, "is not a share"),
        (units.share, "101 %", "is not a share"),
        (units.share, float("nan"), "is not a share"),
        (units.share, "", "is not a share"),
    ],
)
def test_what_is_no_quantity_is_refused_with_the_units(
    read: Callable[[str | float], float], text: str | float, said: str
) -> None:
    with pytest.raises(Mistake) as caught:
        read(text)
    assert repr(text) in caught.value.message
    assert said in caught.value.message
    if "is not" in said and "a share" not in said:
        assert caught.value.hint.startswith("units: ")


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (units.show_size, 0, "0 B"),
        (units.show_size, 999, "999 B"),
        (units.show_size, 999.7, "1 kB"),
        (units.show_size, 118_234, "118 kB"),
        (units.show_size, 999_600, "1 MB"),
        (units.show_size, 2_345_000_000, "2345 MB"),
        (units.show_count, 103_144, "103 k"),
        (units.show_count, 999_600, "1 M"),
        (units.show_count, 11_300_000, "11.3 M"),
        (units.show_time, 1.42e-5, "14.2 us"),
        (units.show_time, 0.9999, "1 s"),
        (units.show_time, 4000, "4000 s"),
    ],
)
def test_a_number_is_shown_in_the_unit_that_reads_best(show: Callable[[float], str], value: float, text: str) -> None:
    assert show(value) == text


@given(st.floats(0, 1e9))
def test_a_shown_size_is_read_back_within_its_digits(value: float) -> None:
    assert units.size(units.show_size(value)) == pytest.approx(value, rel=0.006, abs=1e-300)


@given(st.floats(1e-9, 1e6))
def test_no_time_is_shown_with_an_exponent(value: float) -> None:
    text = units.show_time(value)
    assert "e+" not in text
    assert units.time(text) == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(("text", "seconds"), [("10m", 600), ("90 s", 90), ("1h", 3600), ("1.5 min", 90)])
def test_a_duration_counts_minutes_by_m(text: str, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize("text", ["10", "10 ms", "-1m", "long"])
def test_no_duration_is_guessed(text: str) -> None:
    with pytest.raises(Mistake):
        units.duration(text)
