"""A stub resolver without I/O."""

from ._answers import MAX_ADDRESSES, MAX_ALIASES, Addresses, Alias, Failed, NoAddresses, Result, read_answer
from ._cache import Bounds, Cache, Coalescer, Entry
from ._cookies import CookieJar
from ._errors import HttpsError, MessageError
from ._events import Cause, Closed, Failure, Lost, Response, Server, StreamEvent, UdpEvent, UseTcp
from ._https import MEDIA_TYPE, HttpsRequest, https_answer, https_request
from ._lookup import Abandon, Ask, Finished, Lookup, LookupAction, LookupSettings
from ._message import MAX_MESSAGE_SIZE, MAX_RECORDS, PADDING_BLOCK, Mismatch, pack_query, parse_message
from ._pending import StreamSettings
from ._question import Question, RandBelow, question_for
from ._responder import Responder, TcpServer, Zones
from ._tcp import TcpClient
from ._udp import UdpClient, UdpSettings

__all__ = [
    "MAX_ADDRESSES",
    "MAX_ALIASES",
    "MAX_MESSAGE_SIZE",
    "MAX_RECORDS",
    "MEDIA_TYPE",
    "PADDING_BLOCK",
    "Abandon",
    "Addresses",
    "Alias",
    "Ask",
    "Bounds",
    "Cache",
    "Cause",
    "Closed",
    "Coalescer",
    "CookieJar",
    "Entry",
    "Failed",
    "Failure",
    "Finished",
    "HttpsError",
    "HttpsRequest",
    "Lookup",
    "LookupAction",
    "LookupSettings",
    "Lost",
    "MessageError",
    "Mismatch",
    "NoAddresses",
    "Question",
    "RandBelow",
    "Responder",
    "Response",
    "Result",
    "Server",
    "StreamEvent",
    "StreamSettings",
    "TcpClient",
    "TcpServer",
    "UdpClient",
    "UdpEvent",
    "UdpSettings",
    "UseTcp",
    "Zones",
    "https_answer",
    "https_request",
    "pack_query",
    "parse_message",
    "question_for",
    "read_answer",
]
