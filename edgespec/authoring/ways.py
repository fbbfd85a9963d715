"""What can matter most about a recipe, and for each the shipped recipe that was measured to be good at it."""

from __future__ import annotations

from dataclasses import dataclass

from edgespec.recipe import Call

FEW = 500  # training spectra below which the recipe that was measured on 194 of them is followed


@dataclass(frozen=True)
class Way:
    """What matters most, and a measured recipe that is good at it.

    recipe, measured: its name and what was measured with it; model: the network; train: further keys of that step
    lda: the step fuse_lda follows; int8: the step quantize follows; score: of calibrate; latency: what local is promised
    """

    about: str
    recipe: str
    measured: str
    model: Call
    epochs: int
    batch: int
    train: str = ""
    lda: bool = False
    int8: bool = True
    score: str = "best"
    latency: str = "1 ms"


WAYS = {
    "size": Way(
        "the smallest file: int8, LDA in the head",
        "minerals192",
        "0.934 of 582 test spectra of 192 minerals in 69.7 kB, three seeds",
        Call("cnn", {"widths": [8, 16, 16, 16]}),
        40,
        64,
        "label_smoothing: 0.1, ",
        lda=True,
        score="energy",
    ),
    "latency": Way(
        "the fastest answer: three convolutions, float32 or int8, whichever is faster there",
        "laser532",
        "0.918 of the 532 nm spectra of twenty minerals, five divisions; its network answers in 54 us here",
        Call("cnn", {"widths": [8, 16, 32]}),
        60,
        32,
    ),
    "accuracy": Way(
        "the most accurate single network: six residual shrinkage blocks, LDA in the head, float32",
        "minerals192_best",
        "0.940 of 582 test spectra of 192 minerals, three seeds",
        Call("drsn", {"depths": [2, 2, 2], "positions": 16}),
        30,
        64,
        "label_smoothing: 0.1, ",
        lda=True,
        int8=False,
        latency="2 ms",
    ),
}
FEW_WAY = Way(
    "",
    "hard13",
    "0.924 of 194 spectra of thirteen minerals, four folds, the best linear model 0.918",
    Call("cnn", {"widths": [8, 16, 32]}),
    100,
    32,
    "mixup: 0.4, ",
)
