"""From settings to contexts of the ssl module."""

import os
import ssl
import warnings
from collections.abc import Callable

from . import openssl
from .settings import ClientSettings, Pair, ServerSettings

SESSIONS = 4096
"""Sessions that one server of one worker remembers; of a few KiB each, a fifth of the library's own limit."""


def server_context(settings: ServerSettings, pairs: tuple[Pair, ...], alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A context with certificates of different types for the same names. Raises ssl.SSLError and OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = settings.minimum
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    for pair in pairs:
        load_pair(context, pair)
    if settings.client_auth:
        context.verify_mode = ssl.CERT_REQUIRED
        # Whoever is named in the configuration is trusted as he is, root or not.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if settings.client_ca is None:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        else:
            context.load_verify_locations(cadata=settings.client_ca.pem.decode())
    if not settings.tickets:
        context.options |= ssl.OP_NO_TICKET  # TLS 1.3 has tickets that only this process can read instead
    if settings.session_cache:
        openssl.control(context, openssl.SET_SESSION_CACHE_SIZE, SESSIONS)
    else:
        openssl.control(context, openssl.SET_SESSION_CACHE_MODE, openssl.CACHE_OFF)
        if not settings.tickets:
            context.num_tickets = 0
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(settings: ClientSettings, *, system: bool = True) -> ssl.SSLContext:
    """A context for connections to servers.

    Without ``system`` the system's issuers are left out: to read them takes 20 ms, and to check a configuration does
    not need them. Raises ssl.SSLError, OSError and ValueError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The names of a certificate are its alternative names; a common name is a title (RFC 9525 section 2).
    context.hostname_checks_common_name = False
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not settings.send_name:
        context.check_hostname = False  # `ClientTls` checks it
    if settings.minimum < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # the old versions sign with SHA-1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # who asks for an old version has been warned already
        context.minimum_version, context.maximum_version = settings.minimum, settings.maximum
    if settings.default_ca and system and settings.verify:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if settings.ca is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=settings.ca.pem.decode())
    if settings.pair is not None:
        load_pair(context, settings.pair)
    if settings.ciphers:
        set_ciphers(context, settings)
    if settings.groups:
        demand(openssl.control(context, openssl.SET_GROUPS, 0, settings.groups.encode()), "the groups")
    if settings.ocsp_stapling:
        demand(openssl.control(context, openssl.SET_STATUS_REQUEST, openssl.OCSP), "OCSP stapling")
    if settings.max_fragment:
        demand(openssl.control(context, openssl.SET_MAX_SEND_FRAGMENT, settings.max_fragment), "the fragment size")
    if settings.alpn:
        context.set_alpn_protocols(list(settings.alpn))
    return context


def set_ciphers(context: ssl.SSLContext, settings: ClientSettings) -> None:
    """Allow these cipher suites alone. Raises ssl.SSLError or ValueError if there is none that the library knows."""
    text = ":".join(settings.ciphers)
    if settings.minimum is ssl.TLSVersion.TLSv1_3:
        demand(openssl.set_ciphersuites(context, text), "one of the cipher suites")
    else:
        context.set_ciphers(text + (":@SECLEVEL=0" if settings.minimum < ssl.TLSVersion.TLSv1_2 else ""))


def demand(worked: bool, what: str) -> None:
    """Raise ValueError if something did not work."""
    if not worked:
        raise ValueError(f"the TLS library does not take {what}")


def load_pair(context: ssl.SSLContext, pair: Pair) -> None:
    """Load a certificate and its key, which the ssl module reads from files alone: from one that is in memory."""
    fd = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(pair.key.pem + pair.certificate.pem)
        context.load_cert_chain(f"/proc/self/fd/{fd}", password=no_passphrase)
    finally:
        os.close(fd)


no_passphrase: Callable[[], bytes] = bytes
"""For keys that want one, or the library would ask at the terminal."""
