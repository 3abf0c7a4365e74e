"""The figures of shared memory can still be taken."""

import pytest

from bench import shared


def test_all_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shared, "OPERATIONS", 5)
    monkeypatch.setattr(shared, "ROUNDS", 1)
    monkeypatch.setattr(shared, "CONTENDED_SECONDS", 0.0)
    assert shared.main() == 0
    lines = capsys.readouterr().out.splitlines()
    figures = [line[45:].split() for line in lines if not line.startswith("--")]
    assert [len(figure) for figure in figures] == [1] * 6 + [3] * 4
    assert all(float(value) >= 0 for figure in figures for value in figure)
