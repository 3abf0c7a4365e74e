"""The figures of routes can still be taken, of choices that are the right ones."""

import pytest

from bench import routes


def test_all_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(routes, "OPERATIONS", 5)
    monkeypatch.setattr(routes, "ROUNDS", 1)

    assert routes.main([8]) == 0
    _, header, figures = capsys.readouterr().out.splitlines()
    assert header.split()[-5:] == ["exact", "subnet", "child", "suffix", "none"]
    assert all(float(figure) >= 0 for figure in figures.split())


def test_rules_name_their_targets_and_no_others() -> None:
    escaper = routes.make(3)
    chosen = {
        kind: {escaper.choose(upstream, routes.TASK).name for upstream in upstreams}
        for kind, upstreams in routes.targets(3).items()
    }

    assert chosen == {**{kind: {"other"} for kind in ("exact", "subnet", "child", "suffix")}, "none": {"default"}}
