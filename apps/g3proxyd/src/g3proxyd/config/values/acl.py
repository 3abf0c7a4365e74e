"""Access rules: read by g3-acl, which reports each mistake with the part of the value that it is in."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from .mistake import Mistake, MistakeError
from .value import Value, list_of

__all__ = [
    "EgressNetworkFilter",
    "HostFilterSet",
    "HostList",
    "IngressNetworkFilter",
    "PortFilter",
    "default_egress_filter",
    "parse_host",
]


def _acl(function: str) -> Callable[[object], Any]:
    """A parser of g3-acl whose mistakes are ours."""

    def parse(data: object) -> Any:
        acl = importlib.import_module("g3_acl")
        try:
            return getattr(acl, function)(data)
        except acl.AclError as error:
            raise MistakeError(
                *(
                    Mistake(problem.message, problem.expected, problem.suggestion, problem.path)
                    for problem in error.problems
                )
            ) from None

    return parse


parse_host = _acl("parse_host")


def default_egress_filter() -> Any:
    """What applies when no filter is configured: everything but this machine and its links."""
    return None


EgressNetworkFilter: TypeAlias = Annotated[Any, Value("egress network rule", _acl("parse_egress_network_rule"), {})]
IngressNetworkFilter: TypeAlias = Annotated[Any, Value("ingress network rule", _acl("parse_ingress_network_rule"), {})]
HostFilterSet: TypeAlias = Annotated[Any, Value("host rule set", _acl("parse_host_rule_set"), {})]
PortFilter: TypeAlias = Annotated[Any, Value("port rule", _acl("parse_port_rule"), {})]
HostList: TypeAlias = Annotated[tuple[Any, ...], Value("host, or list of them", list_of(parse_host), {})]
