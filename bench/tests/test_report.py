"""What is made of figures, from figures made up."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from bench.report import Machine, Report, as_json, as_markdown, as_text
from bench.runner import Cell
from bench.workloads import QUICK, WORKLOADS

CHOSEN = [workload for workload in WORKLOADS if workload.name in {"forward", "socks"}]
REPORT = Report(
    began=datetime(2026, 1, 2, tzinfo=UTC),
    machine=Machine(2, "A Processor", 4, "Linux 6.1 x86_64", "CPython 3.11.2"),
    scale=QUICK,
    others=0.25,
    versions={"g3proxyd": "0.1.0", "squid": "5.7", "dante": "1.4.2"},
    skipped={"g3proxy": "no binary is named"},
    workloads=CHOSEN,
    results={
        "forward": {"g3proxyd": Cell([40.0, 39.0, 50.0]), "squid": Cell([80.0])},
        "socks": {"g3proxyd": Cell([], "connection refused\nmore"), "dante": Cell([400.0])},
    },
)


def test_table_has_medians_and_ratios() -> None:
    header, forward, socks = REPORT.table()

    assert header == ["workload", "unit", "g3proxyd", "squid", "dante"]
    assert forward[2:] == ["40.0 (0.50)", "80.0 (1.00)", "-"]
    assert socks[2:] == ["failed", "-", "400.0 (1.00)"]


def test_a_row_with_haproxy_is_measured_by_it() -> None:
    (chosen,) = (workload for workload in WORKLOADS if workload.name == "tls")
    cells = {"g3proxyd": Cell([300.0]), "nginx": Cell([500.0]), "haproxy": Cell([600.0])}
    report = replace(REPORT, workloads=[chosen], results={"tls": cells}, versions=dict.fromkeys(cells, "1"))

    assert report.table()[1][2:] == ["300.0 (0.50)", "500.0 (0.83)", "600.0 (1.00)"]


def test_text_says_what_is_missing_and_why() -> None:
    text = as_text(REPORT)

    assert "Other programs kept 0.25 of 2 cores busy" in text
    assert "Left out: g3proxy: no binary is named" in text
    assert "Failed: socks, g3proxyd: connection refused" in text


def test_json_has_every_repetition() -> None:
    document = json.loads(as_json(REPORT))

    assert document["results"][0]["proxies"]["g3proxyd"] == {
        "figure": 40.0,
        "values": [40.0, 39.0, 50.0],
        "problem": "",
    }


def test_page_has_table_machine_and_date() -> None:
    page = as_markdown(REPORT)

    assert "| HTTP forward, keep-alive, 1 KiB | us/request | 40.0 (0.50) | 80.0 (1.00) | - |" in page
    assert "Measured on 2026-01-02: 2 cores (A Processor), 4 GiB, Linux 6.1 x86_64" in page
    assert "28%" in page  # 39 to 50 around 40
