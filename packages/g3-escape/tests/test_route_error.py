"""Reasons are stable."""

from g3_escape import RouteError, RouteFault


def test_reasons_never_change() -> None:
    assert {fault.name: fault.value for fault in RouteFault} == {
        "INVALID_NUMBER": "invalid path number",
        "INVALID_ID": "invalid path id",
        "INVALID_VALUE": "invalid path value",
        "INVALID_USER_NAME": "invalid user name",
        "UNKNOWN_NODE": "unknown node",
        "NO_NODE": "no node",
    }


def test_an_error_says_both() -> None:
    error = RouteError(RouteFault.NO_NODE, "there is nothing here")
    assert (error.fault, str(error)) == (RouteFault.NO_NODE, "there is nothing here")
    assert isinstance(error, ValueError)
