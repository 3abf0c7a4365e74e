"""The rules of a server about where its clients may go (g3's ``dst_host_filter_set`` and ``dst_port_filter``)."""

import logging

from g3_acl import Action, HostRuleSet, PortRule

from ..upstream import Upstream

log = logging.getLogger(__name__)


class DestinationFilter:
    """Both filters of one server; a filter that is not configured permits."""

    __slots__ = ("_hosts", "_ports", "_server")

    def __init__(self, server: str, hosts: HostRuleSet | None, ports: PortRule | None) -> None:
        self._server = server
        self._hosts = hosts
        self._ports = ports

    def permits(self, upstream: Upstream) -> bool:
        """Whether clients may go there; the port is looked at first, as that is cheaper."""
        if self._ports is not None and not self._allows(self._ports.check(upstream.port), "port", upstream):
            return False
        return self._hosts is None or self._allows(self._hosts.check(upstream.host), "host", upstream)

    def _allows(self, action: Action, what: str, upstream: Upstream) -> bool:
        if action.logs:
            verb = "permits" if action.permits else "denies"
            log.info("server %s: the rules %s the %s of %s", self._server, verb, what, upstream)
        return action.permits
