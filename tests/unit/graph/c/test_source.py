"""The code as its user meets it: strict compilers take it, a call refuses what it cannot answer, the header says what is expected."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import c_code
import numpy as np
import onnx
import pytest
import tiny_job
from onnx import helper

from edgespec import contract, models
from edgespec.data import preprocess
from edgespec.errors import Mistake
from edgespec.graph import assembly, exporter, onnx_file
from edgespec.graph.c import source
from edgespec.recipe import Call, schema
from edgespec.steps import calibrate

FLAGS = [("cc", "-O0"), ("cc", "-O2"), ("cc", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math")]
FLAGS += [("clang", "-O2"), ("clang", "-O3", "-march=native")]
NETWORKS = ("deepcnn", "lstm", "mlp", "ramannet", "repdwnet", "resnet", "sanet", "vit")


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    """Float and int8 files with probabilities and score, and spectra that they know."""
    made = tiny_job.line("cnn")
    folder = tmp_path_factory.mktemp("calibrated")
    done = calibrate.run(made.job.inside(folder), made.int8)
    return done.path("float32"), done.path("cpu-int8"), made.job.spectra.x[made.job.splits.test]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_answers_are_the_files_own(calibrated: tuple[Path, Path, np.ndarray], flags: tuple[str, ...]) -> None:
    if shutil.which(flags[0]) is None:
        pytest.skip(f"there is no {flags[0]} here")
    *files, x = calibrated
    for path, rounded in zip(files, (False, True), strict=True):
        library, made = c_code.compiled(path, *flags[1:], compiler=flags[0])
        wanted = onnx_file.outputs(path, x, batch=1)
        found = [c_code.asked(library, made, row, [each.shape[1] for each in wanted.values()]) for row in x]
        assert [label for _, _, label in found] == wanted["logits"].argmax(1).tolist()
        for i, each in enumerate(wanted.values()):
            own = np.array([parts[i] for _, parts, _ in found])
            apart = np.abs(own - each).max(axis=1) / np.abs(each).max()
            # a sum that lies between two numbers of int8 is one step off where a float32 factor is rounded another way: seldom, and no more
            assert np.quantile(apart, 0.9 if rounded else 1) <= 1e-4
            assert apart.max() <= (0.02 if rounded else 1e-4)


@c_code.needs_compiler
@pytest.mark.parametrize("name", ["efficientnet", "pace", "drsn"])
def test_each_tiny_network_float_and_int8(name: str) -> None:
    made = tiny_job.line(name)
    x = made.job.spectra.x[made.job.splits.test[:8]]
    for variant, tolerance in (("float32", 1e-5), ("cpu-int8", 0.02)):
        path = made.int8.path(variant)
        library, code = c_code.compiled(path, "-O2", "-march=native")
        wanted = onnx_file.run(path, x, batch=1)
        found = np.array([c_code.asked(library, code, row, [wanted.shape[1]])[1][0] for row in x])
        assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


@c_code.needs_compiler
@pytest.mark.parametrize("name", NETWORKS)
def test_every_other_network_has_c(name: str, tmp_path: Path) -> None:
    network = tiny_job.lived_in(models.build(Call(name, {}), points=128, classes=3, seed=0), 128)
    graph = assembly.joined(None, exporter._dynamic(exporter.twin(network), 128, assembly.LOGITS))
    contract.stamp(graph, c_code.said(128, 3))
    onnx.save(graph, tmp_path / "model.onnx")
    c_code.check(tmp_path / "model.onnx", n=1, tolerance=2e-5)


@c_code.needs_compiler
@pytest.mark.parametrize("name", schema.names("preprocess"))
def test_every_preprocessing_has_c(name: str, tmp_path: Path) -> None:
    """On 333 points, which no vector divides."""
    axis = np.linspace(150.0, 1172.0, 333)
    keys = {
        "crop": {"low": 200.0, "high": 1000.0},
        "resample": {"points": 201},
        "onto": {"places": [200.0 + 2 * i + 0.5 * (i % 2) for i in range(99)]},
        "snip": {"half_width": 12.0},
    }
    front = exporter.of_front(preprocess.build([Call(name, keys.get(name, {}))], axis))
    assert front is not None
    assembly.rename(front, assembly.PREPARED, "logits")
    contract.stamp(front, c_code.said(333, front.graph.output[0].type.tensor_type.shape.dim[1].dim_value or 333))
    onnx.save(front, tmp_path / "model.onnx")
    random = np.random.default_rng(7)
    x = np.abs(4000 * random.random((2, 333)) + 9000 * np.exp(-np.linspace(0, 2, 333))).astype(np.float32)
    opened, (library, made) = (
        onnx_file.session(tmp_path / "model.onnx"),
        c_code.compiled(tmp_path / "model.onnx", "-O1"),
    )
    for row in x:
        (wanted,) = opened.run(None, {opened.get_inputs()[0].name: row[None]})
        code, (found,), _ = c_code.asked(library, made, row, [wanted.size])
        assert code == 0
        assert np.abs(found - wanted[0]).max() <= 3e-5 * np.abs(wanted).max()


@c_code.needs_compiler
def test_what_cannot_be_answered_has_a_code(calibrated: tuple[Path, Path, np.ndarray]) -> None:
    library, made = c_code.compiled(calibrated[0], "-O1")
    x = calibrated[2][0].copy()
    room, answer = np.zeros(made.workspace + 128, np.uint8), np.zeros(1000, np.float32)
    begin = room.ctypes.data + -room.ctypes.data % 64
    run = library.model_run
    run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    assert run(x.ctypes.data, begin, made.workspace, answer.ctypes.data) == 0
    assert run(x.ctypes.data, begin, made.workspace - 1, answer.ctypes.data) == -2
    assert run(x.ctypes.data, begin + 4, made.workspace, answer.ctypes.data) == -3
    for bad in (np.nan, np.inf, -np.inf):
        x[17] = bad
        assert run(x.ctypes.data, begin, made.workspace, answer.ctypes.data) == -1


@c_code.needs_compiler
def test_an_answer_that_is_not_finite_is_none(tmp_path: Path) -> None:
    path = c_code.graph(tmp_path, [helper.make_node("Mul", ["spectrum", "spectrum"], ["logits"])], 4, 4)
    library, made = c_code.compiled(path)
    assert c_code.asked(library, made, np.full(4, 1e30), [4])[0] == -4


@c_code.needs_compiler
def test_fast_math_is_refused_by_the_code_itself(calibrated: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "model.c").write_text(source.source(calibrated[0]).whole)
    ended = subprocess.run(
        ["cc", "-std=c99", "-ffast-math", "-c", "model.c"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "compile without it" in ended.stderr


def test_the_header_says_what_is_expected(calibrated: tuple[Path, Path, np.ndarray]) -> None:
    made = source.source(calibrated[0])
    for line in (
        "#define MODEL_POINTS 128",
        "#define MODEL_CLASSES 3",
        "#define MODEL_AXIS_FIRST 150",
        f"#define MODEL_WORKSPACE {made.workspace}",
    ):
        assert line in made.header
    assert "#define MODEL_THRESHOLD " in made.header
    assert '"Albite"' in made.source
    assert source.source(calibrated[0]) == made, "the same file, the same code"


def test_labels_cannot_leave_their_place() -> None:
    assert source.c_text('a"b\\c') == r'"a\042b\134c"'
    assert source.c_text("é?") == r'"\303\251\077"'
    assert source._comment("x */ int main(void) {} /*\n") == "x * / int main(void) {} /*"


def test_an_operator_without_c_is_named(tmp_path: Path) -> None:
    path = c_code.graph(
        tmp_path,
        [helper.make_node("Cumsum".replace("s", "S", 1), ["spectrum", "axis"], ["logits"])],
        4,
        4,
        {"axis": np.array(1)},
    )
    with pytest.raises(Mistake, match="there is no C for operator CumSum"):
        source.source(path)


def test_an_output_that_is_no_name_in_c_is_refused(tmp_path: Path) -> None:
    path = c_code.graph(tmp_path, [helper.make_node("Relu", ["spectrum"], ["a/b"])], 4, 4, outputs=("a/b",))
    with pytest.raises(Mistake, match="not a name in C"):
        source.source(path)
