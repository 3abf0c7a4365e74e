"""Tags of metrics."""

from collections.abc import Callable

from g3proxyd.config.values.metrics import parse_metrics_tags


def test_tags() -> None:
    assert parse_metrics_tags({"zone": "eu-1", "rack": 7, "none": ""}) == {"zone": "eu-1", "rack": "7", "none": ""}


def test_wrong(refused: Callable[..., list[str]]) -> None:
    expected = "expected a map of tag names to values of letters, digits and -_./"
    assert refused(parse_metrics_tags, "zone=eu") == [f"'zone=eu' is not a map; {expected}"]
    assert refused(parse_metrics_tags, {"a": "b c", "": "x", "d": None, "e f": "g"}) == [
        f"['a']; 'a=b c' is not a tag; {expected}",
        f"['']; '=x' is not a tag; {expected}",
        "['d']; nothing is not text; expected text",
        f"['e f']; 'e f=g' is not a tag; {expected}",
    ]
