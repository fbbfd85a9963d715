"""edgespec as a library: the commands as functions and methods, for notebooks and programs.

`import edgespec` offers what stands here; nothing heavy is loaded before it is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.bundle.for_targets import Delivered
    from edgespec.bundle.write import Written
    from edgespec.job import Progress
    from edgespec.pipeline.run import Run as OpenRun
    from edgespec.recipe import Recipe
    from edgespec.report import Report
    from edgespec.runs.gate import Judged
    from edgespec.runs.matrix_cells import Matrix
    from edgespec.runs.predict import Model

Place = str | Path


class Run:
    """A run folder with what can be done with it; its report, plan, data and model are each read at most once."""

    def __init__(self, opened: OpenRun) -> None:
        self._open = opened

    def __repr__(self) -> str:
        """Name the folder."""
        return f"edgespec.Run({str(self.folder)!r})"

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self._open.folder

    @property
    def report(self) -> Report:
        """All that the run says: `report.rows`, `report.bench`, `report.gates` (docs/report.md has every field)."""
        return self._open.report

    def bench(
        self,
        targets: Sequence[str] = ("local",),
        *,
        mode: str = "quick",
        seconds: float | None = None,
        variants: Sequence[str] = (),
        soak_s: float = 0.0,
        lock_clocks: bool = False,
    ) -> dict[str, Any]:
        """Measure latency against accuracy on targets, as `edgespec bench` does; give target -> what was measured.

        targets: names of cards; mode: "quick", "standard" or "mlperf"; seconds: of timed calls for each file in each process
        variants: only these files, and the default export; soak_s: seconds of calls back to back afterwards
        Raises Mistake where the run made no ONNX or its data have changed; Missing where a runtime is not installed;
        Unreachable where a device does not answer.
        """
        from edgespec.bench import protocol
        from edgespec.bundle import for_targets
        from edgespec.runs import bench

        how = protocol.named(mode, seconds=seconds, lock_clocks=lock_clocks)
        cards = _targets(targets)
        _named(*cards)
        bench.bench(self._open, cards, protocol=how, variants=_names(variants, "variants"), soak_s=soak_s)
        for_targets.follow(self._open)
        _pages(self._open)
        return {name: self.report.bench[name] for name in cards}

    def gate(
        self,
        *,
        target: str | None = None,
        against: Place | None = None,
        baseline: Place | None = None,
        seconds: float = 5.0,
    ) -> Judged:
        """Judge the gates of the recipe, as `edgespec gate` does; `passed` and `code` say how that ended, `report.gates` has each.

        target: only what this one can answer; against: a run folder or a git revision; baseline: a baseline's file
        Raises Mistake where the recipe has no gates, or a target is not known.
        """
        from edgespec.runs import gate

        kept = None if baseline is None else Path(baseline)
        _named(target)
        asked = gate.Asked(target, None if against is None else str(against), baseline=kept, seconds=seconds)
        judged = gate.judge(self._open, asked)
        _pages(self._open)
        return judged

    def matrix(self, *, seconds: float = 1.0) -> Matrix:
        """Ask every file in every runtime at hand, as `edgespec matrix` does; seconds: of timed calls for each cell."""
        from edgespec.runs import matrix

        return matrix.measure(self._open, seconds=seconds)

    def transfer(
        self, data: str, *, name: str, lasers: Sequence[int] = (), references: int = 5, draws: int = 5, seed: int = 0
    ) -> dict[str, Any]:
        """Judge the run's files on another instrument's spectra, as `edgespec transfer` does; docs/report.md has the fields.

        data: as the command takes it; name: of the result; lasers: in nm, all if empty
        references: physical samples that corrections are fitted on; draws: how often they are drawn
        """
        from edgespec.authoring import data_argument
        from edgespec.runs import transfer

        call = data_argument.call(data)
        transfer.transfer(
            self._open, call, name=name, lasers=list(lasers), references=references, draws=draws, seed=seed
        )
        _pages(self._open)
        return dict(self.report.transfer[name])

    def export(
        self,
        folder: Place | None = None,
        *,
        variant: str | None = None,
        axis: Place | None = None,
        target: str | None = None,
        require_engine: bool = False,
        sign: Place | None = None,
    ) -> Written | Delivered:
        """Write a bundle, as `edgespec export` does: model, contract, test vectors, model card, checksums and the device's program.

        folder: to write, replaced as a whole; `bundle`, or `bundles/<target>`, of the run if not said
        axis: a text file with an instrument's own axis in cm-1; target: also what this one loads
        sign: a private key (PEM), by which all of it is signed
        Raises Mistake for a folder that is no bundle, a run without a calibrated file, an unknown variant or target.
        """
        from edgespec.bundle import for_targets
        from edgespec.bundle import write as bundles

        out, own = None if folder is None else Path(folder), None if axis is None else Path(axis)
        by = None if sign is None else Path(sign)
        _named(target)
        if target is None:
            if require_engine:
                raise Mistake("require_engine needs a target", hint="edgespec ls targets")
            return bundles.write(self._open, out or self.folder / "bundle", variant=variant, axis=own, sign=by)
        more: dict[str, Any] = {"variant": variant, "axis": own, "require_engine": require_engine, "sign": by}
        return for_targets.write(self._open, target, out, **more)

    def load_model(self, variant: str | None = None, *, threads: int = 1) -> Model:
        """Load one of the run's files; the one recommended on this machine if no variant is said."""
        return load_model(self.folder, variant=variant, threads=threads)


def compress(
    recipe: Place,
    *,
    set: Mapping[str, Any] | None = None,
    out: Place | None = None,
    until: str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a recipe, as `edgespec compress` does, and give the finished run; what is already made and still true is kept.

    recipe: a file, or the name of one that is shipped; set: changes to its keys, {"seed": 1, "steps.2.temperature": 3}
    out: run folder, `runs/<name>` if not said; until: number or name of the last step to run; progress: hears how far it is
    Raises Mistakes of the recipe before anything is written; EdgespecErrors of the data and the steps.
    """
    from edgespec import plugins
    from edgespec import recipe as recipes

    changes = [f"{key}={json.dumps(value)}" for key, value in (set or {}).items()]
    written = recipes.load(plugins.recipe_file(Path(recipe)), changes)
    with _one_thread():
        return Run(finish(written, Path(out) if out else Path("runs") / written.name, until, progress)[0])


def finish(recipe: Recipe, folder: Path, until: str | None, progress: Progress | None) -> tuple[OpenRun, bool]:
    """Run all that a recipe asks for: its steps, the bundles of its targets, the pages; tell whether anything was made."""
    from edgespec import own_code
    from edgespec.job import Silent
    from edgespec.targets import card as cards

    for each in cards.name_all(recipe.tree):
        (progress or Silent()).say(f"target {each.stem}: the card {each} of this folder")
    with own_code.of(recipe.path):
        return _finish(recipe, folder, until, progress)


def _finish(recipe: Recipe, folder: Path, until: str | None, progress: Progress | None) -> tuple[OpenRun, bool]:
    from edgespec.pipeline import up_to_date
    from edgespec.pipeline.run import Run as OpenRun

    run, made = OpenRun(folder, progress), False
    kept = up_to_date.look(recipe, folder, until)
    if kept is None:
        from edgespec.pipeline import compress

        run, made = compress.compress(recipe, folder, stop=until, progress=run.progress), True
    else:
        run.report = kept
        run.progress.say("nothing has changed since the last run: kept")
    targets = [] if until else list(recipe.tree.get("targets") or [])
    if not up_to_date.delivered(run.report, folder, targets):
        from edgespec.bundle import for_targets

        for_targets.write_all(run, targets)
        made = True
    if made or not (folder / "report.html").is_file():
        _pages(run)
    return run, made


def open_run(folder: Place | None = None, *, progress: Progress | None = None) -> Run:
    """Open a run folder; the newest in `runs/` if not said. Raises Mistake where there is none, or its report is damaged."""
    from edgespec.pipeline import run_folder
    from edgespec.pipeline.run import Run as OpenRun

    found = OpenRun(run_folder.run_folder(None if folder is None else Path(folder)), progress)
    _ = found.report  # told now, not at the first use
    return Run(found)


def load_model(path: Place | None = None, *, variant: str | None = None, threads: int = 1) -> Model:
    """Load the model of a bundle, an .onnx file with a contract, or a run folder, into this process.

    variant: of a run; threads: of ONNX Runtime
    Raises Mistake where there is none or it has no contract; Mismatch where its contract is damaged.
    """
    from edgespec.runs import predict

    return predict.load(None if path is None else Path(path), variant, threads)


def _named(*targets: str | None) -> None:
    """Let cards of the working folder count for these targets: the caller named them."""
    from edgespec.targets import card as cards

    cards.name(*(each for each in targets if each))


def _targets(names: Sequence[str]) -> list[str]:
    found = list(_names(names, "targets"))
    if not found:
        raise Mistake("targets: none is named", hint='run.bench(["local"])')
    return list(dict.fromkeys(found))


def _names(given: Sequence[str], what: str) -> Sequence[str]:
    """Refuse a bare string, which Python would take letter by letter."""
    if isinstance(given, str):
        raise Mistake(f"{what}: a list of names is wanted, not {given!r}", hint=f"[{given!r}]")
    return given


def _pages(run: OpenRun) -> None:
    from edgespec.report import files

    files.write(run.report, run.folder)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train on one thread, as the command does: the same weights on any number of cores, no stall beside other work."""
    import os

    import threadpoolctl
    import torch

    wanted, before = int(os.environ.get("OMP_NUM_THREADS") or 1), torch.get_num_threads()
    torch.set_num_threads(wanted)
    try:
        with threadpoolctl.threadpool_limits(wanted):
            yield
    finally:
        torch.set_num_threads(before)
