"""Choosing the way out, without I/O: which address to try when, which node to pick, as machines with explicit time."""

from ._actions import Action, Cancel, Dial, Done, Failed, Failure
from ._address_route import AddressRoute
from ._egress_path import (
    MAX_PATH_ID,
    MAX_PATH_VALUE,
    EgressPath,
    parse_path_id,
    parse_path_number,
    parse_path_value,
    request_path,
    select_by_number,
)
from ._failover import Failover, Fallback
from ._family import Family, Strategy
from ._geo_route import GeoRoute, GeoRule, Location
from ._happy_eyeballs import HappyEyeballs, Pace
from ._jump_hash import JumpHashPicker, jump_hash
from ._ketama import KetamaPicker
from ._key_hash import hash_key
from ._make_picker import make_picker
from ._pick_policy import MAX_NODES, MAX_WEIGHT, MIN_WEIGHT, Node, PickPolicy, parse_pick_policy
from ._picker import Picker, RandomPicker, RoundRobinPicker, SerialPicker
from ._query_cache import Answer, Answered, QueryCache, QueryLimits, SendQuery
from ._rendezvous import RendezvousPicker
from ._route_error import RouteError, RouteFault
from ._select_route import AnswerRoute, MappingRoute, SelectRoute
from ._upstream_route import RegexRoute, UpstreamRoute
from ._user_name import MAX_USER_NAME, Upstream, UserName, UserNameParams

__all__ = [
    "MAX_NODES",
    "MAX_PATH_ID",
    "MAX_PATH_VALUE",
    "MAX_USER_NAME",
    "MAX_WEIGHT",
    "MIN_WEIGHT",
    "Action",
    "AddressRoute",
    "Answer",
    "AnswerRoute",
    "Answered",
    "Cancel",
    "Dial",
    "Done",
    "EgressPath",
    "Failed",
    "Failover",
    "Failure",
    "Fallback",
    "Family",
    "GeoRoute",
    "GeoRule",
    "HappyEyeballs",
    "JumpHashPicker",
    "KetamaPicker",
    "Location",
    "MappingRoute",
    "Node",
    "Pace",
    "PickPolicy",
    "Picker",
    "QueryCache",
    "QueryLimits",
    "RandomPicker",
    "RegexRoute",
    "RendezvousPicker",
    "RoundRobinPicker",
    "RouteError",
    "RouteFault",
    "SelectRoute",
    "SendQuery",
    "SerialPicker",
    "Strategy",
    "Upstream",
    "UpstreamRoute",
    "UserName",
    "UserNameParams",
    "hash_key",
    "jump_hash",
    "make_picker",
    "parse_path_id",
    "parse_path_number",
    "parse_path_value",
    "parse_pick_policy",
    "request_path",
    "select_by_number",
]
