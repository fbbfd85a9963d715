"""Which file is recommended: the fastest by paired ratios; of those as fast, the one that answers better, else the smallest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgespec.bench.measurement import Measurement
from edgespec.bench.paired import Pair
from edgespec.bench.recommend import Advice, recommend


def said(variant: str, ratio: float, size: int, *warnings: str) -> Measurement:
    blank = Measurement(**dict.fromkeys(Measurement.__dataclass_fields__, 0))  # type: ignore[arg-type]
    return replace(
        blank, target="local", variant=variant, ratio=ratio, size_bytes=size, reference="float32", warnings=warnings
    )


def advised(
    given: list[Measurement],
    broken: Mapping[str, str] | None = None,
    worse: Mapping[str, Mapping[str, str]] | None = None,
    width: float = 0.01,
) -> Advice:
    """Recommend among files whose paired ratios are those of their ratios, so and so wide."""
    ratios = {each.variant: each.ratio for each in given}

    def pair(one: str, other: str) -> Pair:
        ratio = ratios[one] / ratios[other]
        return Pair(ratio, (ratio - width, ratio + width) if one != other else (1.0, 1.0))

    return recommend(
        given, lambda each: [broken[each.variant]] if broken and each.variant in broken else [], pair, worse
    )


FLOAT = said("float32", 1.0, 400)


def test_the_fastest_is_recommended() -> None:
    advice = advised([FLOAT, said("int8", 0.8, 120), said("fp16", 0.9, 100)])
    assert advice.variant == "int8"
    assert "1.25 times faster than float32" in advice.why
    assert advice.refused == {
        "float32": ("slower than int8: 1.25 (1.24 to 1.26) of its time",),
        "fp16": ("slower than int8: 1.12 (1.11 to 1.14) of its time",),
    }


def test_of_two_that_are_as_fast_the_smaller_file_is_recommended() -> None:
    tied = [FLOAT, said("int8", 0.80, 120), said("narrow", 0.81, 90)]
    advice = advised(tied, width=0.001)
    assert advice.variant == "narrow"
    assert (
        "it takes 1.01 of the time of int8, less than 5% more, and it is smaller (90 B instead of 120 B)" in advice.why
    )
    assert advice.refused["int8"] == ("no faster than narrow, and larger",)
    apart = [FLOAT, said("int8", 0.80, 120), said("narrow", 0.85, 90)]
    assert advised(apart).variant == "int8"
    blurred = advised(apart, width=0.1)
    assert blurred.variant == "narrow"
    assert "it can't be told to be slower than int8, and it is smaller (90 B instead of 120 B)" in blurred.why


def test_the_sessions_noise_widens_nothing() -> None:
    """The default export differed from itself by half; the paired ratio of the two files is certain all the same."""
    noisy = [replace(each, noise=0.5, ratio_interval=(0.5, 2.0)) for each in (FLOAT, said("int8", 1.19, 100))]
    advice = advised(noisy)
    assert advice.variant == "float32"
    assert advice.refused == {"int8": ("slower than float32: 1.19 (1.18 to 1.20) of its time",)}


def test_of_two_that_are_as_fast_the_one_that_answers_better_goes_before_the_smaller() -> None:
    worse = {"int8": {"float32": "accuracy is 0.030 below that of float32 (p = 0.001)"}}
    advice = advised([FLOAT, said("int8", 0.99, 100)], worse=worse)
    assert advice.variant == "float32"
    assert (
        "float32 is recommended for target 'local': it takes 1.01 of the time of int8, less than 5% more, and it answers better"
        in advice.why
    )
    assert advice.refused == {"int8": ("accuracy is 0.030 below that of float32 (p = 0.001)",)}
    assert advised([FLOAT, said("int8", 0.8, 100)], worse=worse).variant == "int8", (
        "the promises say what accuracy is enough"
    )


def test_the_sentence_that_int8_is_slower_and_the_recommendation_rest_on_the_same_ratio() -> None:
    slow = said("int8", 1.31, 1, "int8 answers 1.31 times slower than float32 here")
    advice = advised([FLOAT, slow])
    assert advice.variant == "float32"
    assert advice.why == "int8 answers 1.31 times slower than float32 here; float32 is recommended for target 'local'"


def test_a_slower_variant_is_recommended_where_it_alone_keeps_the_promises() -> None:
    small = said("int4", 1.9, 36)
    advice = advised([FLOAT, small], {"float32": "size is 400 B, over the 40 B"})
    assert advice.variant == "int4"
    assert advice.why.endswith(
        "int4 is recommended for target 'local': nothing that answers as fast as float32 keeps the promises"
    )
    assert set(advice.refused) == {"float32"}
    both = advised([FLOAT, small], dict.fromkeys(("float32", "int4"), "accuracy is 0.80, below 0.90"))
    assert both.variant is None
    assert both.refused["int4"] == ("accuracy is 0.80, below 0.90",)


def test_the_default_export_is_compared_with_logits_alone() -> None:
    default, bare = replace(said("default", 1.0, 500), reference="default"), said("whole logits only", 0.9, 1)
    files = [default, replace(bare, reference="default"), replace(said("whole", 1.1, 300), reference="default")]
    advice = advised(files, dict.fromkeys(("default", "whole logits only"), "only compared"))
    assert advice.variant == "whole"
    assert "1.10 times slower than default, which gives logits only; its own logits alone take 0.90" in advice.why
    slow = advised(
        [files[0], replace(files[1], ratio=1.09), files[2]],
        dict.fromkeys(("default", "whole logits only"), "only compared"),
    )
    assert "nothing that answers as fast as default keeps the promises" in slow.why
    fast = advised(
        [files[0], files[1], replace(files[2], ratio=0.95)],
        dict.fromkeys(("default", "whole logits only"), "only compared"),
    )
    assert "1.05 times faster than default, its logits alone in 0.90" in fast.why
