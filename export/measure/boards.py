"""Which rails of a Jetson are its whole module: a table by board, each line with its source.

A rail that feeds a part of a module is far below the whole (on AGX Orin and Thor by a factor of five), so an unknown board has no whole.
"""

from __future__ import annotations

from typing import NamedTuple

from measure import sensors

FORUM = "https://forums.developer.nvidia.com/t/"


class Board(NamedTuple):
    """A board: its name; words in the device tree's `model` or `compatible`; the rails that add up to the whole module, () where none do;
    why not; where that is said."""

    name: str
    marks: tuple[str, ...]
    rails: tuple[str, ...]
    why: str
    source: str


BOARDS = (
    Board(
        "Jetson AGX Thor", ("jetson agx thor", "jetson-agx-thor", "p3834"), ("VIN",), "",
        FORUM + "366461 (NVIDIA: the INA238 measures Jetson and carrier board, the total VIN)",
    ),
    Board(
        "Jetson AGX Orin", ("agx orin", "p3701"), (),
        "no rail is the whole, and no table of NVIDIA's says which of VDD_GPU_SOC, VDD_CPU_CV, VIN_SYS_5V0 and VDDQ_VDD2_1V8AO add up to it",
        "Linux tegra234-p3701.dtsi (NVIDIA: VIN_SYS_5V0 is left out of the chip's own sum)",
    ),
    Board(
        "Jetson Orin Nano or Orin NX", ("orin nano", "orin nx", "p3767"), ("VDD_IN",), "",
        "Linux tegra234-p3767.dtsi (NVIDIA: VDD_IN in front of VDD_CPU_GPU_CV and VDD_SOC)",
    ),
    Board(
        "Jetson Xavier NX", ("xavier nx", "p3668"), ("VDD_IN",), "",
        FORUM + "200883 (NVIDIA: VDD_IN is the total power of the module)",
    ),
    Board(
        "Jetson AGX Xavier", ("agx xavier", "jetson-agx", "p2888"), ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"), "",
        "NVIDIA DG-09840-001, 5.6.2 (six monitors at the module's two inputs); " + FORUM + "75574 (SYS5V: all but the others)",
    ),
    Board(
        "Jetson TX2", ("tx2", "tegra186", "p3310", "p3636"), ("VDD_IN",), "",
        "L4T 32.7.5, Power Management for Jetson TX2 Series (VDD_IN: the main module's supply)",
    ),
    Board(
        "Jetson Nano", ("jetson nano", "jetson-nano", "p3448"), ("POM_5V_IN",), "",
        FORUM + "73608 (NVIDIA: POM_5V_IN is the overall 5 V input; GPU and CPU are not to be added)",
    ),
)  # fmt: skip


def find() -> Board | None:
    """Give the board that this machine is, None where the table has none."""
    told = (
        " ".join(sensors.text("/proc/device-tree/" + name) for name in ("model", "compatible"))
        .replace("\0", " ")
        .lower()
    )
    return next((board for board in BOARDS if any(mark in told for mark in board.marks)), None)


def name() -> str:
    """Give what the machine calls itself."""
    return sensors.text("/proc/device-tree/model").strip("\0 ") or "this machine"
