"""What a next proxy may be asked to forward."""

from __future__ import annotations

from ..section import Section
from .numbers import Boolean

__all__ = ["HttpForwardCapability"]


class HttpForwardCapability(Section):
    """What a next proxy may be asked to forward itself, beside http targets."""

    forward_https: Boolean = False
    """Requests for https targets, in the absolute form; it is the next proxy that speaks TLS to them."""
    forward_ftp: Boolean = False
    """Requests for ftp targets, unless the following keys say otherwise."""
    forward_ftp_get: Boolean | None = None
    """GET and HEAD of ftp targets; unset is `forward_ftp`."""
    forward_ftp_put: Boolean | None = None
    """PUT of ftp targets; unset is `forward_ftp`."""
    forward_ftp_del: Boolean | None = None
    """DELETE of ftp targets; unset is `forward_ftp`."""

    @property
    def ftp_methods(self) -> frozenset[bytes]:
        """The methods of requests for ftp targets that it is asked for."""
        kinds = (
            (self.forward_ftp_get, (b"GET", b"HEAD")),
            (self.forward_ftp_put, (b"PUT",)),
            (self.forward_ftp_del, (b"DELETE",)),
        )
        return frozenset(
            method for said, methods in kinds if (self.forward_ftp if said is None else said) for method in methods
        )
