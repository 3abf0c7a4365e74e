"""Value types as annotations, and lists of values."""

from pathlib import Path
from typing import Annotated

import pytest
from g3proxyd.config.nodes import Place, Scalar, Source
from g3proxyd.config.values.mistake import Mistake, MistakeError, wrong
from g3proxyd.config.values.value import Value, list_of
from pydantic import BaseModel, ValidationError


def parse_even(data: object) -> int:
    if not isinstance(data, int):
        raise wrong("not a number")
    if data % 2:
        raise MistakeError(Mistake("odd", path=("x",)), Mistake("not even"))
    return data * 10


class Model(BaseModel):
    number: Annotated[int, Value("even number", parse_even, {"type": "integer"}, instance=str)]


def test_plain_data_and_nodes() -> None:
    node = Scalar(Place(Source(Path("x"), ""), 1, 1), (), 4)
    assert Model.model_validate({"number": 2}).number == 20
    assert Model.model_validate({"number": node}).number == 40


def test_instances_are_values_already() -> None:
    assert Model.model_validate({"number": "passed"}).model_dump() == {"number": "passed"}


def test_mistakes_reach_the_caller() -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"number": 3})
    error = caught.value.errors()[0]["ctx"]["error"]
    assert [mistake.message for mistake in error.mistakes] == ["odd", "not even"]


def test_one_or_a_list() -> None:
    assert list_of(parse_even)(2) == (20,)
    assert list_of(parse_even)([2, 4]) == (20, 40)
    assert list_of(parse_even)(()) == ()


def test_every_wrong_item_is_reported() -> None:
    with pytest.raises(MistakeError) as caught:
        list_of(parse_even)([2, "a", 4, 3])
    assert caught.value.mistakes == (
        Mistake("not a number", path=(1,)),
        Mistake("odd", path=(3, "x")),
        Mistake("not even", path=(3,)),
    )


def test_a_wrong_single_item_has_no_index() -> None:
    with pytest.raises(MistakeError) as caught:
        list_of(parse_even)("a")
    assert caught.value.mistakes == (Mistake("not a number"),)
