"""An answer of `edgespec predict` and a refusal, as the runner gives them."""

from __future__ import annotations

from edgespec.cli.answers import Answer

ANSWER: Answer = {
    "file": "a.csv",
    "label": "Albite",
    "probability": 0.61,
    "flag": "unknown",
    "score": 0.5,
    "runner_up": {"label": "Beryl", "probability": 0.2},
    "top": [{"label": "Albite", "probability": 0.61}, {"label": "Beryl", "probability": 0.2}],
    "covered": 1.0,
    "notes": ["cosmic spikes at 500 cm-1?"],
}
REFUSED: Answer = {"file": "b.csv", "error": "b.csv: is empty", "hint": "fetch it again"}
