"""The errors that operations raise."""

from g3proxyd.control.operations import Kind, Reason, no_such


def test_the_nearest_name_is_offered() -> None:
    error = no_such("server", "htpt", ["socks", "http"])
    assert (error.reason, str(error), error.details) == (
        Reason.NOT_FOUND,
        "there is no server named 'htpt'; did you mean 'http'?",
        (),
    )


def test_a_name_unlike_all_others() -> None:
    assert no_such("server", "zzz", ["http"]).text == "there is no server named 'zzz'"


def test_where_there_are_none() -> None:
    assert no_such("auditor", "a", []).text == "there is no auditor named 'a'; there is no auditor at all"


def test_kinds_are_sections() -> None:
    assert [kind.section for kind in Kind] == ["user_group", "resolver", "auditor", "escaper", "server"]
