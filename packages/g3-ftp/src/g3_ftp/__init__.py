"""FTP for clients, without I/O: RFC 959, RFC 1123 section 4.1, RFC 2389, RFC 2428, RFC 3659."""

from ._address import (
    pack_extended_port,
    pack_passive,
    parse_extended_passive,
    parse_extended_port,
    parse_passive,
    parse_port,
)
from ._client import SERVICE_CLOSES, FtpClient
from ._command import MAX_COMMAND_LENGTH, pack_command
from ._errors import FtpError, LoginError
from ._facts import parse_directory, parse_features, parse_modified, parse_size, parse_time
from ._limits import Limits
from ._listing import Entry, Kind, ListingReader, parse_facts_line, parse_list_line
from ._login import ANONYMOUS, ANONYMOUS_PASSWORD, Login
from ._reply import Reply

__all__ = [
    "ANONYMOUS",
    "ANONYMOUS_PASSWORD",
    "MAX_COMMAND_LENGTH",
    "SERVICE_CLOSES",
    "Entry",
    "FtpClient",
    "FtpError",
    "Kind",
    "Limits",
    "ListingReader",
    "Login",
    "LoginError",
    "Reply",
    "pack_command",
    "pack_extended_port",
    "pack_passive",
    "parse_directory",
    "parse_extended_passive",
    "parse_extended_port",
    "parse_facts_line",
    "parse_features",
    "parse_list_line",
    "parse_modified",
    "parse_passive",
    "parse_port",
    "parse_size",
    "parse_time",
]
