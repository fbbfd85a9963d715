"""No proxy and no switch of the machine's own has a say in these tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "EDGESPEC_OFFLINE", "EDGESPEC_RRUFF"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
