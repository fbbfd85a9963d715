"""A setting says itself as steps of a recipe and in one line."""

from __future__ import annotations

import json

from edgespec.recipe import Call
from edgespec.recipe.setting import Setting

CNN = Call("cnn", {"widths": [8, 16]})


def test_what_is_nothing_is_left_out() -> None:
    plain = Setting((), None, CNN, 10)
    assert plain.steps() == [
        {"train": {"model": {"cnn": {"widths": [8, 16]}}, "fit": {"epochs": 10, "batch": 64, "lr": 3e-3}}}
    ]
    assert str(plain) == "as measured; nothing varied; cnn {widths: [8, 16]}; 10 epochs, lr 0.003"


def test_everything_that_is_chosen_stands_in_it() -> None:
    full = Setting((Call("snv"), Call("savgol", {"window": 9})), Call("instrument", {"shift": 1.0}), CNN, 10,
                   label_smoothing=0.1, mixup=0.4, blend=0.5)  # fmt: skip
    assert full.front() == ["snv", {"savgol": {"window": 9}}]
    assert full.steps()[0]["train"]["mixup"] == 0.4
    assert full.steps()[1] == {"fuse_lda": {"blend": 0.5}}
    assert "label smoothing 0.1, mixup 0.4, LDA 0.5" in str(full)


def test_it_is_read_again_from_what_it_gives() -> None:
    for each in (
        Setting((), None, CNN, 10),
        Setting(
            (Call("snv"), Call("savgol", {"window": 9})),
            Call("instrument", {"shift": 1.0}),
            CNN,
            10,
            mixup=0.4,
            blend=0.5,
        ),
    ):
        assert Setting.read(json.loads(json.dumps(each.plain()))) == each
