"""Access rules for proxies, without I/O: networks, hosts, domains, ports, user agents, requests."""

from ._action import Action, parse_action
from ._address import embedded_ipv4, unmap
from ._child_domain import ChildDomainRule
from ._errors import AclError, HostError, PatternError, Problem
from ._host import MAX_LABEL, MAX_NAME, Host, parse_host
from ._host_rule import HostRule
from ._host_rule_set import HostRuleSet
from ._network import NetworkRule
from ._parse import (
    parse_child_domain_rule,
    parse_dst_subnet_rule,
    parse_egress_network_rule,
    parse_host_rule,
    parse_host_rule_set,
    parse_ingress_network_rule,
    parse_network_rule,
    parse_port_rule,
    parse_regex_domain_rule,
    parse_regex_set_rule,
    parse_request_rule,
    parse_user_agent_rule,
)
from ._patterns import MAX_PATTERN
from ._port_rule import PortRule
from ._presets import default_egress_network_rule
from ._regex_rules import RegexDomainRule, RegexSetRule
from ._request_rule import RequestRule, RequestType
from ._rule import Rule
from ._user_agent_rule import UserAgentRule

__all__ = [
    "MAX_LABEL",
    "MAX_NAME",
    "MAX_PATTERN",
    "AclError",
    "Action",
    "ChildDomainRule",
    "Host",
    "HostError",
    "HostRule",
    "HostRuleSet",
    "NetworkRule",
    "PatternError",
    "PortRule",
    "Problem",
    "RegexDomainRule",
    "RegexSetRule",
    "RequestRule",
    "RequestType",
    "Rule",
    "UserAgentRule",
    "default_egress_network_rule",
    "embedded_ipv4",
    "parse_action",
    "parse_child_domain_rule",
    "parse_dst_subnet_rule",
    "parse_egress_network_rule",
    "parse_host",
    "parse_host_rule",
    "parse_host_rule_set",
    "parse_ingress_network_rule",
    "parse_network_rule",
    "parse_port_rule",
    "parse_regex_domain_rule",
    "parse_regex_set_rule",
    "parse_request_rule",
    "parse_user_agent_rule",
    "unmap",
]
