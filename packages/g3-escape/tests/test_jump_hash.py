"""Jump consistent hash against published answers."""

import pytest
from g3_escape import JumpHashPicker, Node, hash_key, jump_hash
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("number", "buckets", "bucket"),
    # What implementations in other languages test themselves with.
    [(1, 1, 0), (42, 57, 43), (0xDEAD10CC, 1, 0), (0xDEAD10CC, 666, 361), (256, 1024, 520)],
)
def test_known_answers(number: int, buckets: int, bucket: int) -> None:
    assert jump_hash(number, buckets) == bucket


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**31 - 1))
def test_one_bucket_more_moves_keys_only_into_it(number: int, buckets: int) -> None:
    bucket = jump_hash(number, buckets)
    assert 0 <= bucket < buckets
    assert jump_hash(number, buckets + 1) in (bucket, buckets)


def test_equal_weights_are_the_published_hash() -> None:
    picker = JumpHashPicker([Node(index, b"%d" % index) for index in range(10)])
    for number in range(100):
        key = b"%d" % number
        assert picker.pick(key) == jump_hash(hash_key(key), 10)


def test_a_weight_is_so_many_buckets_rounded_up() -> None:
    picker = JumpHashPicker([Node("a", b"a", 2), Node("b", b"b", 0.4), Node("c", b"c", 2.1)])
    for number in range(100):
        key = b"%d" % number
        assert picker.pick(key) == "aabccc"[jump_hash(hash_key(key), 6)]


def test_retries_jump_with_another_number() -> None:
    picker = JumpHashPicker([Node(name, name.encode()) for name in "abc"])
    seen = {"".join(picker.order(b"%d" % number)) for number in range(100)}
    assert seen == {"abc", "acb", "bac", "bca", "cab", "cba"}


def test_names_play_no_part() -> None:
    one = JumpHashPicker([Node(index, b"%d" % index) for index in range(5)])
    other = JumpHashPicker([Node(index, b"x%d" % index) for index in range(5)])
    assert all(one.pick(b"%d" % number) == other.pick(b"%d" % number) for number in range(50))
