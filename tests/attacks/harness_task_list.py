"""Task lists of RRUFF's files, and lists of files with their classes."""

from __future__ import annotations

import fuzzing
import rruff_files

from edgespec.data.readers import file_list, task_list

READER = "edgespec/data/readers/task_list, file_list"


def seeds() -> list[bytes]:
    names = list(rruff_files.three())
    rows = "".join(f"a.zip,{name},Quartz,R{i},train,{i}\n" for i, name in enumerate(names))
    listed = "".join(f"{name},Quartz,R{i}\n" for i, name in enumerate(names))
    return [f"archive,file,mineral,group,split0,split1\n{rows}".encode(), f"file,label,sample\n{listed}".encode()]


def feed(raw: bytes) -> None:
    folder = fuzzing.scratch()
    few = {name: str(text) for name, text in rruff_files.three().items()}
    if not (folder / "a.zip").exists():
        rruff_files.archive(folder / "a.zip", few)
        rruff_files.folder(folder, rruff_files.three())
    path = fuzzing.written("list.csv", raw)
    if raw.startswith(b"file"):
        file_list.of_list(path, folder)
        return
    for entry in task_list.listing(path, None, 0)[0]:
        entry.read()
