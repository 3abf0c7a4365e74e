"""How parameters behind a user name choose the next proxy."""

from __future__ import annotations

from typing import Annotated

from g3_escape import UserNameParams

from ..keys import Aliases
from ..later import USERS
from ..section import Section
from .mistake import Mistake
from .numbers import U16, Boolean
from .text import Text, TextList

__all__ = ["UsernameParams"]


class UsernameParams(Section):
    """Which parameters a user name may have, as in `joe+area=eu+city=bonn`, and the next proxy that they make."""

    not_yet = USERS

    keys_for_host: Annotated[TextList, Aliases("keys")] = ()
    """The parameters whose values make the host of the next proxy, in this order."""
    resolve_sticky_key: Text | None = None
    """The parameter that keeps requests on one address of the host: one value, one address."""
    require_hierarchy: Boolean = True
    """A parameter of the host needs all those before it."""
    floating_keys: Annotated[TextList, Aliases("floating")] = ()
    """Parameters of the host that may be there without those before them."""
    reject_unknown_keys: Boolean = True
    """Fail requests with other parameters; else they are ignored."""
    reject_duplicate_keys: Boolean = True
    """Fail requests that have a parameter twice; else the last one counts."""
    separator: Text = "-"
    """What stands between the values in the host."""
    domain_suffix: Annotated[Text, Aliases("suffix")] = ""
    """What follows the values in the host, behind a dot."""
    http_port: U16 = 10000
    """The port of the next proxy for clients of HTTP servers."""
    socks5_port: Annotated[U16, Aliases("socks_port")] = 10001
    """The port of the next proxy for clients of SOCKS servers."""
    strip_suffix_for_auth: Annotated[Boolean, Aliases("auth_strip_suffix")] = True
    """Users log in by the name before the parameters; else by all of it."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        conflicts += [
            Mistake("0 is no port to connect to", expected="1 to 65535", path=(key,))
            for key in ("http_port", "socks5_port")
            if getattr(self, key) == 0
        ]
        try:
            self.rules()
        except ValueError as error:
            conflicts.append(Mistake(str(error), path=("keys_for_host",)))
        return {}

    def rules(self) -> UserNameParams:
        """What reads user names. Raises ValueError, before `settle` has refused them, for keys that make no sense."""
        return UserNameParams(
            keys_for_host=self.keys_for_host,
            resolve_sticky_key=self.resolve_sticky_key,
            require_hierarchy=self.require_hierarchy,
            floating_keys=frozenset(self.floating_keys),
            reject_unknown_keys=self.reject_unknown_keys,
            reject_duplicate_keys=self.reject_duplicate_keys,
            separator=self.separator,
            domain_suffix=self.domain_suffix,
            strip_suffix_for_auth=self.strip_suffix_for_auth,
        )
