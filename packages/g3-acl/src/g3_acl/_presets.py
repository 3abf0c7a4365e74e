"""Networks that rules hold before anybody configures them."""

from functools import cache
from ipaddress import ip_network

from ._action import Action
from ._network import NetworkRule

_NO_DESTINATION = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/32",  # unspecified, RFC 1122 section 3.2.1.3; Linux connects to the machine itself
        "127.0.0.0/8",  # loopback, RFC 1122 section 3.2.1.3
        "169.254.0.0/16",  # link-local, RFC 3927; where clouds answer with their machines' credentials
        "::/128",  # unspecified, RFC 4291 section 2.5.2
        "::1/128",  # loopback, RFC 4291 section 2.5.3
        "fe80::/10",  # link-local, RFC 4291 section 2.5.6
        "100::/64",  # discard-only, RFC 6666
    )
)
_THIS_MACHINE = (ip_network("127.0.0.1/32"), ip_network("::1/128"))


def egress_network_rule(missed: Action) -> NetworkRule:
    """Return a rule, to be completed, that forbids unspecified, loopback, link-local and discard-only addresses."""
    rule = NetworkRule(missed)
    for network in _NO_DESTINATION:
        rule.add(network, Action.FORBID)
    return rule


def ingress_network_rule(missed: Action) -> NetworkRule:
    """Return a rule, to be completed, that permits 127.0.0.1 and ::1."""
    rule = NetworkRule(missed)
    for network in _THIS_MACHINE:
        rule.add(network, Action.PERMIT)
    return rule


@cache
def default_egress_network_rule() -> NetworkRule:
    """Return the rule for a daemon that has none configured.

    It forbids unspecified, loopback, link-local and discard-only addresses and permits all others.
    """
    return egress_network_rule(Action.PERMIT).freeze()
