"""A stub resolver without I/O."""

from ._cookies import CookieJar
from ._errors import HttpsError, MessageError
from ._events import Cause, Closed, Failure, Lost, Response, Server, StreamEvent, UdpEvent, UseTcp
from ._message import MAX_MESSAGE_SIZE, MAX_RECORDS, Mismatch, pack_query, parse_message
from ._question import Question, RandBelow, question_for
from ._udp import UdpClient, UdpSettings

__all__ = [
    "MAX_MESSAGE_SIZE",
    "MAX_RECORDS",
    "Cause",
    "Closed",
    "CookieJar",
    "Failure",
    "HttpsError",
    "Lost",
    "MessageError",
    "Mismatch",
    "Question",
    "RandBelow",
    "Response",
    "Server",
    "StreamEvent",
    "UdpClient",
    "UdpEvent",
    "UdpSettings",
    "UseTcp",
    "pack_query",
    "parse_message",
    "question_for",
]
