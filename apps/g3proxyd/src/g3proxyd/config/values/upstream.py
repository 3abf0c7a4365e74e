"""Where connections go: hosts with ports, one or several with weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from g3_escape import MAX_NODES, MAX_WEIGHT, MIN_WEIGHT, PickPolicy, parse_pick_policy

from ...upstream import Upstream
from ..keys import any_case, normalise
from .acl import parse_host
from .mistake import Mistake, MistakeError, nearest, show, wrong
from .numbers import parse_real
from .value import Value, list_of

__all__ = [
    "Policy",
    "WeightedUpstream",
    "WeightedUpstreams",
    "parse_policy",
    "parse_upstream",
    "parse_weight",
    "parse_weighted_upstreams",
    "weighted_upstreams",
]

_WITH_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):([0-9]{1,5})", re.ASCII)
_EXPECTED = "a host and a port such as a.example:443, 192.0.2.1:443 or [2001:db8::1]:443"
_KEYS = {"addr": "addr", "address": "addr", "weight": "weight"}


@dataclass(frozen=True, slots=True)
class WeightedUpstream:
    """One of several places to go."""

    upstream: Upstream
    weight: float = 1.0
    """How much it gets beside the others; 0 is nothing."""

    def __str__(self) -> str:
        return str(self.upstream)


def parse_upstream(data: object, default_port: int | None = None) -> Upstream:
    """A host and a port; the port may be left out where there is a default."""
    if not isinstance(data, str):
        raise wrong(f"{show(data)} is not a host and a port", expected=_EXPECTED)
    found = _WITH_PORT.fullmatch(data)
    if found is None and default_port is None:
        raise wrong(f"{show(data)} has no port", expected=_EXPECTED)
    host = data if found is None else found[1]
    port = default_port if found is None else int(found[2])
    if port is None or not 0 < port < 65536:
        raise wrong(f"the port of {show(data)} is out of range", expected="a port from 1 to 65535")
    return Upstream(parse_host(host), port)


def parse_weighted_upstream(data: object, default_port: int | None = None) -> WeightedUpstream:
    """A host and a port, or a map of `addr` and `weight`."""
    if not isinstance(data, dict):
        return WeightedUpstream(parse_upstream(data, default_port))
    upstream: Upstream | None = None
    weight: float | None = None
    mistakes: list[Mistake] = []
    for written, value in data.items():
        key = _KEYS.get(normalise(str(written)))
        try:
            if key is None:
                raise wrong("unknown key", suggestion=nearest(normalise(str(written)), _KEYS))
            if (upstream if key == "addr" else weight) is not None:
                raise wrong("given twice")
            if key == "addr":
                upstream = parse_upstream(value, default_port)
            else:
                weight = parse_weight(value)
        except MistakeError as error:
            mistakes += error.under(written)
    if mistakes:
        raise MistakeError(*mistakes)
    if upstream is None:
        raise wrong("the key 'addr' is missing", expected=_EXPECTED)
    return WeightedUpstream(upstream, 1.0 if weight is None else weight)


def parse_weighted_upstreams(default_port: int | None = None) -> Callable[[object], tuple[WeightedUpstream, ...]]:
    """A parser of one or a list of them."""
    parse_list = list_of(lambda data: parse_weighted_upstream(data, default_port))

    def parse(data: object) -> tuple[WeightedUpstream, ...]:
        upstreams = parse_list(data)
        if not any(each.weight for each in upstreams):
            raise wrong("there is nowhere to go", expected="one with a weight above 0")
        if len(upstreams) > MAX_NODES:
            raise wrong(f"{len(upstreams)} are too many", expected=f"at most {MAX_NODES}")
        return upstreams

    return parse


def parse_weight(data: object) -> float:
    """How much something gets beside others of its kind."""
    weight = parse_real(data)
    if weight and not MIN_WEIGHT <= weight <= MAX_WEIGHT:
        raise wrong(f"{show(data)} is out of range", expected=f"0, or {MIN_WEIGHT:g} to {MAX_WEIGHT:g}")
    return weight


def parse_policy(data: object) -> PickPolicy:
    """The word for a policy, in any case."""
    words = [policy.value for policy in PickPolicy]
    if isinstance(data, str):
        try:
            return parse_pick_policy(data)
        except ValueError:
            pass
    meant = nearest(normalise(data), words) if isinstance(data, str) else None
    raise wrong(f"{show(data)} is not a pick policy", expected=f"one of {', '.join(words)}", suggestion=meant)


_HOST_AND_PORT: Mapping[str, object] = {"type": "string", "pattern": r"^.*:[0-9]{1,5}$"}


def _one(address: Mapping[str, object]) -> Mapping[str, list[object]]:
    """The schema of one, with that of its address."""
    return {
        "anyOf": [
            address,
            {
                "type": "object",
                "patternProperties": {
                    f"^({any_case('addr')}|{any_case('address')})$": address,
                    f"^{any_case('weight')}$": {"type": ["number", "string"]},
                },
                "additionalProperties": False,
            },
        ]
    }


_POLICIES = (
    *("random", "serial", "sequence", "round_robin", "roundrobin", "rr"),
    *("ketama", "rendezvous", "jump_hash", "jumphash", "jump"),
)


def weighted_upstreams(default_port: int | None = None) -> Value:
    """How one or a list of them are read and described; the port may be left out where there is a default."""
    one = _one(_HOST_AND_PORT if default_port is None else {"type": "string", "minLength": 1})
    return Value(
        "host and port with a weight, or list of them",
        parse_weighted_upstreams(default_port),
        {"anyOf": [*one["anyOf"], {"type": "array", "minItems": 1, "items": one}]},
        instance=tuple,
    )


WeightedUpstreams: TypeAlias = Annotated[tuple[WeightedUpstream, ...], weighted_upstreams()]
"""The port has to be given."""
Policy: TypeAlias = Annotated[
    PickPolicy,
    Value(
        "pick policy",
        parse_policy,
        {
            "type": "string",
            "pattern": f"^({'|'.join(map(any_case, _POLICIES))})$",
        },
        instance=PickPolicy,
        display=lambda policy: str(policy.value),
    ),
]
