"""What every sans-IO protocol machine of the g3 family has in common: five verbs and two errors."""

from ._errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from ._machine import Machine

__all__ = ["LocalProtocolError", "Machine", "ProtocolError", "RemoteProtocolError"]
