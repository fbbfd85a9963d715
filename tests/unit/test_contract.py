"""The contract travels in the file, comes back as it was, and is refused where it is absent, damaged or of another graph."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job

from edgespec import contract
from edgespec.errors import Mismatch, Mistake

GOOD = contract.Contract(
    axis={"start": 150.0, "step": 2.0, "points": 512},
    labels=("Albite", "Quartz, low"),
    preprocess=[{"highpass": {"window": 62.0}}, {"rms": {}}],
    data="measured",
    digest="sha256:0",
    version="0.1.0",
    window={"low": 150.0, "high": 1172.0, "points": 512},
    technique="Raman",
    laser=(532.0, 780.0),
    temperature=1.3,
    score="likeness",
    threshold=0.5,
)


def properties(given: contract.Contract) -> dict[str, str]:
    model = onnx.ModelProto()
    contract.stamp(model, given)
    return {each.key: each.value for each in model.metadata_props}


def test_it_comes_back_as_it_was_from_metadata_and_from_json() -> None:
    assert contract.of_properties(properties(GOOD), "m.onnx") == GOOD
    assert contract.of_plain(json.loads(json.dumps(GOOD.plain())), "contract.json") == GOOD


def test_stamping_replaces_an_older_one_and_keeps_what_others_wrote() -> None:
    model = onnx.ModelProto()
    model.metadata_props.add(key="author", value="me")
    contract.stamp(model, GOOD)
    contract.stamp(model, replace(GOOD, temperature=2.0))
    found = {each.key: each.value for each in model.metadata_props}
    assert len(found) == len(model.metadata_props)
    assert found["author"] == "me"
    assert contract.of_properties(found, "m.onnx").temperature == 2.0


def test_an_even_axis_is_told_by_three_numbers_another_by_its_values() -> None:
    even, bent = np.linspace(150, 1172, 512), np.linspace(150, 1172, 512) ** 1.01
    assert contract.axis(even) == {"start": 150.0, "step": 2.0, "points": 512}
    for values in (even, bent):
        told = replace(GOOD, axis=contract.axis(values)).values()
        np.testing.assert_allclose(told, values, atol=1e-5)
    assert "values" in contract.axis(bent)


def test_a_file_without_one_is_the_users_mistake() -> None:
    with pytest.raises(Mistake, match=r"m\.onnx has no contract") as caught:
        contract.of_properties({"author": "me"}, "m.onnx")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("axis", {"start": 1}),
        ("axis", {"values": [1.0]}),
        ("axis", 5),
        ("labels", ["A", "A"]),
        ("labels", None),
        ("format", 99),
        ("format", None),
    ],
)
def test_a_damaged_one_is_a_mismatch(key: str, value: Any) -> None:
    plain = {**GOOD.plain(), key: value}
    with pytest.raises(Mismatch, match="contract") as caught:
        contract.of_plain(plain, "contract.json")
    assert caught.value.exit_code == 4
    with pytest.raises(Mismatch):
        contract.of_properties({f"edgespec.{name}": json.dumps(each) for name, each in plain.items()}, "m.onnx")


def test_a_field_that_is_missing_or_no_json_is_a_mismatch() -> None:
    plain = GOOD.plain()
    del plain["labels"]
    with pytest.raises(Mismatch, match="labels"):
        contract.of_plain(plain, "contract.json")
    with pytest.raises(Mismatch, match="damaged"):
        contract.of_properties({**properties(GOOD), "edgespec.labels": "["}, "m.onnx")


def test_a_contract_of_another_graph_is_found() -> None:
    contract.check(GOOD, 512, 2, "m.onnx")
    for points, classes in ((511, 2), (512, 3)):
        with pytest.raises(Mismatch, match="512 points and 2 labels"):
            contract.check(GOOD, points, classes, "m.onnx")


def test_every_exported_file_says_what_it_was_trained_on() -> None:
    made = tiny_job.line("cnn")
    for variant in ("float32", "cpu-int8", "default"):
        said = contract.load(made.int8.path(variant))
        contract.check(said, 128, 3, variant)
        assert (said.data, said.technique, said.labels) == ("embedded", "Raman", made.job.spectra.labels)
        assert said.preprocess == [{"highpass": {"window": 62.0}}, {"signed_sqrt": {}}, {"rms": {}}]
    other = tiny_job.job(Path(made.job.folder), seed=1).contract()
    assert other.digest != made.job.contract().digest, "other training spectra, another digest"
