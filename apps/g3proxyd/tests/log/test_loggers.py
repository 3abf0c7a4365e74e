"""Loggers, and which sink each family of the configuration gets."""

import os
from typing import Any

import pytest
from g3proxyd.config.log import LogConfig
from g3proxyd.log import Logger, Sink, make_loggers
from g3proxyd.log.discard import DiscardSink
from g3proxyd.log.stdout import StdoutSink


class Records(Sink):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[dict[str, Any]] = []
        self.closed = False

    def write(self, record: dict[str, Any]) -> None:
        self.written.append(record)

    def close(self, patience: float) -> None:
        self.closed = True


def test_a_record_has_constant_fields_then_its_own() -> None:
    sink = Records()
    logger = Logger("Escape", sink, {"daemon_name": "g"}).bind(escaper_name="direct")
    logger.log({"task_id": "0"}, "it failed")
    logger.log({"task_id": "1"})
    assert [list(record.items()) for record in sink.written] == [
        [
            ("log_type", "Escape"),
            ("daemon_name", "g"),
            ("escaper_name", "direct"),
            ("task_id", "0"),
            ("msg", "it failed"),
        ],
        [("log_type", "Escape"), ("daemon_name", "g"), ("escaper_name", "direct"), ("task_id", "1")],
    ]


def test_binding_leaves_the_logger_as_it_was() -> None:
    sink = Records()
    logger = Logger("Task", sink)
    logger.bind(server_name="http")
    logger.log({})
    assert sink.written == [{"log_type": "Task"}]


def test_fields_are_not_changed() -> None:
    fields = {"a": None, "b": 1}
    sink = StdoutSink(10, os.open(os.devnull, os.O_WRONLY))
    Logger("Task", sink).log(fields, "text")
    sink.close(5)
    os.close(sink._fd)
    assert fields == {"a": None, "b": 1}


def test_discarding_loggers_say_so() -> None:
    sink = DiscardSink()
    logger = Logger("Task", sink)
    assert not logger.enabled
    assert not logger.bind(a=1).enabled
    logger.log({"a": 1})
    sink.write({"a": 1})
    sink.close(0)
    assert sink.stats.total == 0


FAMILIES = ("task", "escape", "resolve", "audit")


def drivers(config: dict[str, Any] | str) -> list[type[Sink]]:
    loggers = make_loggers(LogConfig.model_validate(config))
    found = [type(getattr(loggers, family)._sink) for family in FAMILIES]
    loggers.close(5)
    return found


def test_families() -> None:
    assert drivers({}) == [DiscardSink] * 4
    assert drivers("stdout") == [StdoutSink] * 4
    assert drivers({"task": "stdout"}) == [StdoutSink, DiscardSink, DiscardSink, DiscardSink]
    assert drivers({"default": "stdout", "audit": "discard"}) == [StdoutSink, StdoutSink, StdoutSink, DiscardSink]


def test_families_that_are_alike_share_a_queue() -> None:
    config = {"default": "stdout", "task": {"stdout": {}, "async_channel_size": 7}}
    loggers = make_loggers(LogConfig.model_validate(config))
    assert loggers.escape._sink is loggers.resolve._sink is loggers.audit._sink
    assert loggers.task._sink is not loggers.escape._sink
    assert isinstance(loggers.task._sink, StdoutSink)
    assert isinstance(loggers.escape._sink, StdoutSink)
    assert (loggers.task._sink._capacity, loggers.escape._sink._capacity) == (7, 4096)
    assert loggers.task._sink._turn is loggers.escape._sink._turn
    assert loggers.sinks == (loggers.task._sink, loggers.escape._sink)
    loggers.close(5)


@pytest.mark.parametrize(("name", "shown"), [("group", "group"), ("", None)])
def test_every_record_says_who_wrote_it(name: str, shown: str | None) -> None:
    loggers = make_loggers(LogConfig(), name)
    expected = [("task", "Task"), ("escape", "Escape"), ("resolve", "Resolve"), ("audit", "Inspect")]
    for family, log_type in expected:
        constant = {"log_type": log_type, "daemon_name": shown, "pid": os.getpid()}
        assert getattr(loggers, family)._constant == constant


def test_closing_closes_every_sink() -> None:
    from g3proxyd.log import Loggers

    sinks = (Records(), Records())
    logger = Logger("Task", sinks[0])
    Loggers(logger, logger, logger, logger, sinks).close(1)
    assert [sink.closed for sink in sinks] == [True, True]


def test_dropped_is_the_sum() -> None:
    stats = Records().stats
    stats.format_failed, stats.channel_closed, stats.channel_overflow, stats.unreachable = 1, 20, 300, 4000
    assert stats.dropped == 4321
