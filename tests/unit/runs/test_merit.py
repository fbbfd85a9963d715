"""Which file answers worse: by physical sample, beyond chance."""

from __future__ import annotations

import numpy as np
import tiny_job

from edgespec.pipeline.run import Run
from edgespec.runs import merit

SAMPLES = np.repeat(np.arange(40), 3)


def test_a_loss_in_many_samples_is_told_and_one_in_a_single_sample_is_chance() -> None:
    whole, few, many = (np.ones(120) for _ in range(3))
    few[SAMPLES == 0] = 0
    many[np.isin(SAMPLES, range(8))] = 0
    found = merit.compared({"float32": whole, "few": few, "many": many}, SAMPLES, "accuracy")
    assert found["many"]["float32"] == "accuracy is 0.200 below that of float32 (p = 0.0039)"
    assert set(found) == {"many"}
    assert set(found["many"]) == {"float32", "few"}


def test_files_of_a_run_are_compared_on_its_test_part() -> None:
    made = tiny_job.line("cnn")
    run = Run(made.job.folder)
    run.job = made.job
    float32, broken = made.int8.path("float32"), made.job.folder / "broken.onnx"
    import onnx
    from onnx import numpy_helper

    model = onnx.load(float32)
    head = model.graph.initializer[-1]
    for each in model.graph.initializer:
        if numpy_helper.to_array(each).ndim == 2:
            head = each
    head.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(head), head.name))
    onnx.save(model, broken)
    found = merit.of_files(run, {"float32": float32, "broken": broken})
    assert set(found) == {"broken"}
    assert found["broken"]["float32"].startswith("accuracy is ")
    assert merit.of_files(run, {"float32": float32}) == {}
