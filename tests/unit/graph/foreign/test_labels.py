"""Which class a number of a foreign graph stands for: said by the file or the recipe, and by both alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import tiny_job
from onnx import helper

from edgespec.errors import Mistake
from edgespec.graph.foreign import labels
from edgespec.graph.foreign.labels import Known

PATH = Path("m.onnx")
DATA = ("Albite", "Beryl", "Diopside")


def holding(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(list(nodes), "g", [], []))


def classifier(operator: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, ["x"], ["y"], domain="ai.onnx.ml", **attributes)


def test_a_file_says_its_labels_in_a_zipmap_a_classifier_or_our_contract() -> None:
    zipped = classifier("ZipMap", classlabels_strings=list(DATA))
    svm = classifier("SVMClassifier", classlabels_ints=[0, 1, 2])
    assert labels.known(holding(svm, zipped), PATH) == Known(DATA, "operator ZipMap")
    assert labels.known(holding(svm), PATH) == Known(("0", "1", "2"), "operator SVMClassifier", numbers=True)
    forest = classifier("TreeEnsembleClassifier", classlabels_strings=list(DATA))
    assert labels.known(holding(forest), PATH).names == DATA
    assert labels.known(holding(helper.make_node("Relu", ["x"], ["y"])), PATH) == Known()
    own = onnx.load(tiny_job.line("cnn").float32.path("float32"))
    assert labels.known(own, PATH) == Known(DATA, "the contract")
    own.metadata_props[0].value = "{"
    with pytest.raises(Mistake, match="contract is damaged"):
        labels.known(own, PATH)


def test_the_recipe_names_what_the_file_does_not() -> None:
    numbers = Known(("0", "1", "2"), "operator ZipMap", numbers=True)
    assert labels.names(Known(), DATA, DATA, PATH) == DATA
    assert labels.names(numbers, DATA, DATA, PATH) == DATA
    assert labels.names(numbers, None, ("0", "1", "2"), PATH) == ("0", "1", "2")
    assert labels.names(Known(DATA), None, DATA, PATH) == DATA
    assert labels.names(Known(("alb", "ber", "dio")), DATA, DATA, PATH) == DATA, "a renaming"


@pytest.mark.parametrize(
    ("known", "told", "match"),
    [
        (Known(), None, "does not say which class each of its numbers stands for"),
        (Known(("0", "1", "2"), "operator ZipMap", True), None, r"names its classes 0, 1, 2 \(operator ZipMap\)"),
        (
            Known(DATA, "operator ZipMap"),
            ("Beryl", "Albite", "Diopside"),
            "Beryl, Albite, Diopside are said, m.onnx has Albite",
        ),
        (Known(DATA, "operator ZipMap"), ("Albite", "Beryl"), "2 are said, m.onnx has 3"),
        (Known(), ("Albite", "Beryl", "Beryl"), "stands twice"),
    ],
)
def test_labels_that_are_unknown_or_contradict_each_other_are_told(known: Known, told: Any, match: str) -> None:
    with pytest.raises(Mistake, match=match) as caught:
        labels.names(known, told, DATA, PATH)
    assert caught.value.hint


def test_a_permutation_is_mapped_and_other_labels_are_named_on_both_sides() -> None:
    assert labels.order(("Diopside", "Albite", "Beryl"), DATA, PATH) == [1, 2, 0]
    with pytest.raises(Mistake, match="only the model has Quartz; only the data have Diopside"):
        labels.order(("Albite", "Beryl", "Quartz"), DATA, PATH)
    with pytest.raises(Mistake, match=r"only the data have Diopside$"):
        labels.order(("Albite", "Beryl"), DATA, PATH)
    with pytest.raises(Mistake, match="only the model has l0, l1, l2, l3, l4, l5, l6, l7 and 2 more"):
        labels.order([*DATA, *(f"l{i}" for i in range(10))], DATA, PATH)
