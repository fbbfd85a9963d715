"""A run folder, opened once: its report, plan, job and model are read when first asked for, and handed to every command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edgespec import recipe as recipes
from edgespec import report as reports
from edgespec import storage
from edgespec.artifact import OnnxModel
from edgespec.errors import Mismatch, Mistake
from edgespec.job import Job, Progress, Silent
from edgespec.pipeline import integrity
from edgespec.pipeline.up_to_date import data_digest
from edgespec.report import Report
from edgespec.spectra import Floats, Ints

if TYPE_CHECKING:
    from edgespec.recipe.plan import Plan

REPORT, RECIPE = "report.json", "recipe.yaml"
READ_FROM = {"report": REPORT, "model": REPORT, "plan": RECIPE, "job": RECIPE}
Stamp = tuple[int, int, int]


class Run:
    """A run folder and what is in it.

    folder: where the run lies; progress: hears of reading that takes long
    """

    def __init__(self, folder: Path, progress: Progress | None = None) -> None:
        self.folder, self.progress = folder, progress or Silent()
        self._stamps = self._stamped()

    @cached_property
    def report(self) -> Report:
        """The report. Raises Mistake where the folder holds none, Mismatch where it or a file of the run is not as it was written."""
        found = reports.read(self.folder)
        integrity.check(self.folder, found)
        return found

    @cached_property
    def plan(self) -> Plan:
        """The recipe, checked from end to end. Raises Mismatch where it was edited since, Mistakes where it can no longer be run."""
        from edgespec.recipe.plan import plan

        self.check_recipe()
        return plan(recipes.load(self.folder / RECIPE))

    @cached_property
    def job(self) -> Job:
        """The data, divided as the run divided them. Raises Mistake where they have changed since."""
        from edgespec.pipeline.preparation import prepare

        digest = self.report.data["digest"]
        found = prepare(self.plan, self.folder, self.progress)
        if data_digest(found.spectra) != digest:
            raise Mistake(
                f"the data of {self.folder} have changed since it was made", hint="edgespec compress makes it anew"
            )
        return found

    @cached_property
    def model(self) -> OnnxModel:
        """The ONNX files that the last step left. Raises Mistake where it left none, Mismatch where one is not as it was written."""
        if not self.report.steps:
            raise Mistake(f"{self.folder} has no finished step", hint="edgespec compress goes on where it stopped")
        found = integrity.step(self.folder, self.report, self.report.steps[-1]["folder"])
        if not isinstance(found, OnnxModel):
            raise Mistake(
                f"{self.folder} has nothing to measure: its last step leaves no ONNX", hint="add the step 'to_onnx'"
            )
        return found

    @property
    def test(self) -> tuple[Floats, Ints]:
        """The test part: x (n, points) on the model's axis, y (n,)."""
        rows = self.job.splits.test
        return self.job.spectra.x[rows], self.job.spectra.y[rows]

    def check_recipe(self) -> None:
        """Raise Mismatch where the run's copy of its recipe is not as it was written: promises are changed in the recipe itself."""
        path = self.folder / RECIPE
        try:
            same = storage.digest(path.read_text(encoding="utf-8")) == self.report.recipe_digest
        except FileNotFoundError:
            raise Mistake(f"there is no {path}", hint="edgespec compress RECIPE writes it anew") from None
        except UnicodeDecodeError:
            same = False
        except OSError as problem:
            told = f"{path} cannot be read: {problem.strerror}"
            raise Mistake(told, hint="edgespec compress RECIPE writes it anew") from None
        if not same:
            told = f"{path} was edited after the run was made"
            raise Mismatch(told, hint="edit the recipe itself, then edgespec compress: what has not changed is kept")

    def check_data(self) -> None:
        """Raise Mistake where the run's data have changed since: nothing of the run may be judged on others."""
        _ = self.job

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; what another process has written since it was read is read anew.

        Raises StorageError where another process holds the folder.
        """
        if self.folder.is_dir():
            integrity.plain(self.folder)
        with storage.lock(self.folder):
            integrity.sweep(self.folder)
            now = self._stamped()
            for name, file in READ_FROM.items():
                if now[file] != self._stamps[file]:
                    self.__dict__.pop(name, None)
            self._stamps = now
            try:
                yield
            finally:
                self._stamps = self._stamped()

    def write(self) -> None:
        """Write the report as it is now."""
        reports.write(self.report, self.folder)

    def _stamped(self) -> dict[str, Stamp | None]:
        return {name: _stamp(self.folder / name) for name in (REPORT, RECIPE)}


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
