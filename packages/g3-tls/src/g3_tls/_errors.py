"""What is wrong with a ClientHello, and the alert that it deserves."""

from g3_machine import RemoteProtocolError

from ._alert import TLCP_VERSION, TLS_VERSION, Alert, pack_alert


class HelloError(RemoteProtocolError):
    """The peer speaks TLS or TLCP, but what it sends is no ClientHello, or one that we do not take.

    ``reason`` is a stable word for logs and counters (the README lists them all). ``alert`` is the description of the
    alert that stands in ``reply``, or None where the peer has left. The text never repeats what the peer sent.
    """

    def __init__(
        self, reason: str, message: str, alert: Alert | None = Alert.DECODE_ERROR, *, tlcp: bool = False
    ) -> None:
        reply = b"" if alert is None else pack_alert(alert, version=TLCP_VERSION if tlcp else TLS_VERSION)
        super().__init__(message, reply)
        self.reason = reason
        self.alert = alert


class NotTlsError(RemoteProtocolError):
    """The stream begins with neither TLS nor TLCP: another protocol may read it. There is nothing to reply."""

    reason = "not_tls"
