"""The values of `tls_server`, `tls_client` and `tls_ticketer`: what is read, what is refused and why."""

import pickle
import ssl
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import DAY, Leaf, authority, encrypted
from g3proxyd.config import Config, ConfigError, HttpProxyConfig, load
from g3proxyd.config.values.tls_client import RustlsTlsClient, TlsClient
from g3proxyd.config.values.tls_server import OpensslTlsServer, TlsServer, TlsTicketer
from g3proxyd.config.values.tls_words import format_version, parse_ciphers, parse_protocol, parse_version
from pydantic import ValidationError


@pytest.fixture(scope="module")
def leaf() -> Leaf:
    return authority().issue("a.test", valid=(-DAY, 30 * DAY))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaf: Leaf) -> Path:
    """A working directory with `leaf.crt`, `leaf.key` and `ca.crt`."""
    monkeypatch.chdir(tmp_path)
    leaf.write(tmp_path)
    (tmp_path / "ca.crt").write_bytes(authority().pem)
    return tmp_path


def written(folder: Path, keys: str) -> Path:
    """A main file in which an HTTP proxy has these keys."""
    path = folder / "main.yml"
    path.write_text(
        "server:\n  - name: http\n    type: http_proxy\n    escaper: deny\n    listen: 80\n"
        + textwrap.indent(textwrap.dedent(keys), "    ")
        + "\nescaper: [{name: deny, type: dummy_deny}]\n"
    )
    return path


def read(folder: Path, keys: str) -> HttpProxyConfig:
    server = load(written(folder, keys)).servers["http"]
    assert isinstance(server, HttpProxyConfig)
    return server


def problems(folder: Path, keys: str) -> list[str]:
    """What is said about the keys, without the place."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, keys))
    return [f"{problem.path}: {problem.sentence()}" for problem in caught.value.problems]


def warnings(folder: Path, keys: str) -> list[str]:
    return [f"{warning.path}: {warning.message}" for warning in load(written(folder, keys)).warnings]


PAIR = "tls_server: {cert_pairs: {cert: leaf.crt, key: leaf.key}}"


@pytest.mark.parametrize(
    "keys",
    [
        PAIR,
        "tls: {cert_pairs: [{certificate: leaf.crt, private_key: leaf.key}]}",
        "tls_server: {Certificate: [leaf.crt], Key: leaf.key}",
    ],
)
def test_every_way_to_write_a_certificate(folder: Path, leaf: Leaf, keys: str) -> None:
    server = read(folder, keys)
    assert server.tls_server is not None
    (pair,) = server.tls_server.settings.pairs
    assert (pair.certificate.pem, pair.key.pem) == (leaf.certificate, leaf.key)
    assert warnings(folder, keys) == []


def test_paths_begin_at_the_file_that_names_them(folder: Path, leaf: Leaf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(folder, PAIR)
    monkeypatch.chdir("/")
    server = load(path).servers["http"]
    assert isinstance(server, HttpProxyConfig)
    assert server.tls_server is not None
    assert server.tls_server.settings.pairs[0].certificate.source == str(folder / "leaf.crt")


def test_contents_count_and_not_names(folder: Path, leaf: Leaf) -> None:
    before = read(folder, PAIR)
    assert read(folder, PAIR) == before
    leaf.write(folder, "moved")
    assert read(folder, PAIR.replace("leaf", "moved")) == before
    authority().issue("a.test").write(folder)
    assert read(folder, PAIR) != before


def test_keys_are_not_shown_and_travel_to_workers(folder: Path, leaf: Leaf) -> None:
    server = read(folder, PAIR)
    assert "PRIVATE" not in repr(server)
    assert leaf.key.decode()[40:80] not in repr(server)
    assert pickle.loads(pickle.dumps(server)) == server


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("tls_server: {}", "server http.tls_server: there is no certificate; expected cert_pairs, or certificate"),
        ("tls_server: {cert_pairs: []}", "server http.tls_server.cert_pairs: the list is empty"),
        ("tls_server: {cert: leaf.crt}", "server http.tls_server.cert: the key 'private_key' is missing beside it"),
        ("tls_server: {key: leaf.key}", "server http.tls_server.key: the key 'certificate' is missing beside it"),
        ("tls_server: {cert_pairs: {cert: leaf.crt}}", "http.tls_server.cert_pairs: the key 'private_key' is missing"),
        (
            "tls_server: {cert_pairs: {cert: no.crt, key: leaf.key}}",
            "cert_pairs.cert: 'no.crt': no such file; expected",
        ),
        ("tls_server: {cert_pairs: {cert: ., key: leaf.key}}", "cert_pairs.cert: '.': not a regular file"),
        ("tls_server: {cert_pairs: {cert: 7, key: leaf.key}}", "cert_pairs.cert: 7 is not a path"),
        ("tls_server: {cert_pairs: {cert: [], key: leaf.key}}", "cert_pairs.cert: the list is empty"),
        ("tls_server: {cert_pairs: {cert: [leaf.crt, x], key: leaf.key}}", "cert_pairs.cert[1]: 'x': no such file"),
        ("tls_server: {cert_pairs: {cert: leaf.key, key: leaf.key}}", "leaf.key: there is no certificate in PEM form"),
        ("tls_server: {cert_pairs: {cert: leaf.crt, key: leaf.crt}}", "leaf.crt: there is no private key in PEM form"),
        ("tls_server: {cert_pairs: {cert: bad.crt, key: leaf.key}}", "bad.crt: certificate 1 of 1 cannot be read: "),
        ("tls_server: {cert_pairs: {cert: leaf.crt, key: bad.key}}", "bad.key: the private key cannot be read: "),
        ("tls_server: {cert_pairs: {cert: leaf.crt, key: locked.key}}", "locked.key: the private key is encrypted"),
        ("tls_server: {cert_pairs: {cert: leaf.crt, key: other.key}}", "does not belong to the first certificate of"),
        ("tls_server: {cert_pairs: {cert: leaf.crt, key: leaf.key, x: 1}}", "tls_server.cert_pairs.x: unknown key"),
        ("tls_server: {cert_pairs: {cert: weak.crt, key: weak.key}}", "the TLS library does not take "),
        ("tls_server: {cert: leaf.crt, key: leaf.key, handshake_timeout: 0}", "0 would leave no time"),
        ("tls_server: 3", "server http.tls_server: 3 is not a map"),
        ("tls_ticketer: {source: {type: redis}}", "tls_ticketer.source: not supported yet: the keys of session"),
        ("tls_ticketer: {local_lifetime: 0}", "0 would change the keys all the time"),
        ("tls_client: {no_default_ca_cert: true}", "nobody is left to be trusted"),
        ("tls_client: {ciphers: AES128-SHA}", "tls_client.ciphers: the suites of which version?"),
        (
            "tls_client: {protocol: tls1.2, ciphers: NONSENSE}",
            "the TLS library does not take it: No cipher can be selected",
        ),
        ("tls_client: {protocol: tls1.3, ciphers: NONSENSE}", "does not take it: the TLS library does not take one of"),
        ("tls_client: {supported_groups: NONSENSE}", "does not take it: the TLS library does not take the groups"),
        ("tls_client: {protocol: tlcp}", "tls_client.protocol: not supported yet: TLCP arrives"),
        ("tls_client: {protocol: ssl3.0}", "'ssl3.0' is broken"),
        ("tls_client: {protocol: quic}", "'quic' is not a protocol"),
        ("tls_client: {min_tls_version: 1.4}", "1.4 is not a version of TLS; expected 1.0, 1.1, 1.2 or 1.3"),
        ("tls_client: {min_tls_version: 1.3, max_tls_version: 1.2}", "above max_tls_version, which is 1.2"),
        ("tls_client: {tlcp_cert_pair: {}}", "tls_client.tlcp_cert_pair: not supported yet: TLCP arrives"),
        (
            "tls_client: {cert: leaf.crt, key: leaf.key, cert_pair: {cert: leaf.crt, key: leaf.key}}",
            "tls_client.cert_pair: given twice",
        ),
        ("tls_client: false", "server http.tls_client: false is not a map"),
    ],
)
def test_what_is_refused(folder: Path, leaf: Leaf, keys: str, said: str) -> None:
    authority().issue("b.test").write(folder, "other")
    authority().issue("c.test", rsa_bits=1024).write(folder, "weak")
    (folder / "locked.key").write_bytes(encrypted(leaf))
    for name in ("bad.crt", "bad.key"):
        kind = "CERTIFICATE" if name == "bad.crt" else "PRIVATE KEY"
        (folder / name).write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    (found,) = problems(folder, keys)
    assert said in found
    assert "PRIVATE" not in found.replace("-----BEGIN PRIVATE", "")


def test_an_unreadable_file_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", lambda self: True)
    path = written(folder, PAIR)
    original = Path.open

    def open_or_refuse(self: Path, *arguments: Any, **more: Any) -> Any:
        return refuse(self) if self.suffix == ".key" else original(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", open_or_refuse)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "'leaf.key' cannot be read: Permission denied" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (PAIR.replace("leaf", "old"), "tls_server.cert_pairs.cert: the certificate has expired on "),
        (PAIR.replace("leaf", "soon"), "tls_server.cert_pairs.cert: the certificate expires on "),
        (PAIR.replace("leaf", "new"), "tls_server.cert_pairs.cert: the certificate is valid from "),
        ("tls_server: {cert: leaf.crt, key: leaf.key, use_session_ticket: false}", "use 'no_session_ticket'"),
        ("tls_server: {cert: leaf.crt, key: leaf.key, ca_cert: ca.crt}", "'enable_client_auth' is not set"),
        ("tls_ticketer: {}", "http.tls_ticketer: has no effect: 'tls_server' is not set"),
        ("tls_client: {insecure: true}", "tls_client.insecure: anybody can pass for the server"),
        ("tls_client: {tls_version_min: 1.0}", "tls_client.tls_version_min: versions below 1.2 are broken"),
        ("tls_client: {protocol: tls1.1}", "tls_client.protocol: versions below 1.2 are broken"),
        ("tls_client: {protocol: tls12, min_tls_version: 1.2}", "min_tls_version: has no effect beside 'protocol'"),
        ("tls_client: {enable_grease: true}", "tls_client.enable_grease: has no effect here: "),
        ("tls_client: {permute_extensions: true}", "tls_client.permute_extensions: has no effect here: "),
        ("tls_client: {enable_sct: true}", "tls_client.enable_sct: has no effect here: "),
        ("tls_client: {use_builtin_session_cache: true}", "has no effect here: there is one session cache"),
    ],
)
def test_what_works_and_is_worth_a_warning(folder: Path, keys: str, said: str) -> None:
    authority().issue("a.test", valid=(-2 * DAY, -DAY)).write(folder, "old")
    authority().issue("a.test", valid=(-DAY, DAY)).write(folder, "soon")
    authority().issue("a.test", valid=(DAY, 30 * DAY)).write(folder, "new")
    (found,) = warnings(folder, keys)
    assert said in found


def test_the_last_key_of_a_file_and_what_stands_between(folder: Path, leaf: Leaf) -> None:
    other = authority().issue("b.test")
    (folder / "all.pem").write_bytes(
        b"Subject: x\n" + leaf.certificate + b"text\n" + authority().pem + other.key + leaf.key
    )
    server = read(folder, "tls_server: {cert: all.pem, key: all.pem}")
    assert server.tls_server is not None
    (pair,) = server.tls_server.settings.pairs
    assert pair.certificate.pem == leaf.certificate + authority().pem
    assert pair.key.pem == leaf.key


def test_the_keys_of_servers_reach_their_settings(folder: Path) -> None:
    keys = {"cert_pairs": {"certificate": "leaf.crt", "private_key": "leaf.key"}}
    settings = TlsServer.model_validate(
        {
            **keys,
            "enable_client_auth": True,
            "ca_certificate": "ca.crt",
            "use_session_ticket": False,
            "no_session_cache": True,
            "handshake_timeout": 3,
        }
    ).settings
    assert (settings.client_auth, settings.tickets, settings.session_cache) == (True, False, False)
    assert settings.handshake_timeout == 3.0
    assert settings.client_ca is not None
    assert settings.client_ca.pem == authority().pem
    assert TlsServer.model_validate({**keys, "use_session_ticket": True}).settings.tickets
    with pytest.raises(ValidationError, match="the opposite of no_session_ticket"):
        TlsServer.model_validate({**keys, "use_session_ticket": True, "no_session_ticket": True})
    settings = OpensslTlsServer.model_validate({**keys, "session_id_context": "pool 7"}).settings
    assert (settings.label, settings.tickets, settings.session_cache) == ("pool 7", True, True)
    with pytest.raises(ValidationError, match="there is no certificate"):
        OpensslTlsServer.model_validate({})
    ticketer = TlsTicketer.model_validate({"local_lifetime": 60, "check_interval": "10s"}).settings
    assert (ticketer.lifetime, ticketer.check_interval) == (60.0, 10.0)


def test_the_keys_of_clients_reach_their_settings(folder: Path) -> None:
    plain = TlsClient().settings
    assert (plain.minimum, plain.maximum) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    assert (plain.default_ca, plain.verify, plain.send_name) == (True, True, True)
    assert (plain.session_sites, plain.sessions_each, plain.handshake_timeout) == (128, 16, 10.0)
    assert TlsClient.model_validate(None) == TlsClient()
    settings = TlsClient.model_validate(
        {
            "ca_certificate": ["ca.crt", "leaf.crt"],
            "no_default_ca_certificate": True,
            "handshake_timeout": "1s",
            "session_cache_lru_max_sites": 5,
            "session_cache_each_capacity": 6,
            "supported_groups": "X25519:P-256",
            "use_ocsp_stapling": True,
            "insecure": True,
            "protocol": "TLS1_2",
            "ciphers": ["ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-GCM-SHA256:AES256-GCM-SHA384"],
            "disable_sni": True,
            "cert_pair": {"certificate": "leaf.crt", "private_key": "leaf.key"},
        }
    ).settings
    assert settings.ca is not None
    assert settings.ca.pem.count(b"BEGIN") == 2
    assert (settings.minimum, settings.maximum) == (ssl.TLSVersion.TLSv1_2,) * 2
    assert len(settings.ciphers) == 3
    assert (settings.groups, settings.ocsp_stapling) == ("X25519:P-256", True)
    assert (settings.default_ca, settings.verify, settings.send_name) == (False, False, False)
    assert (settings.session_sites, settings.sessions_each, settings.handshake_timeout) == (5, 6, 1.0)
    assert settings.pair is not None
    assert TlsClient.model_validate({"no_session_cache": True}).settings.session_sites == 0
    assert TlsClient.model_validate({"max_tls_version": "tls1.1"}).settings.minimum is ssl.TLSVersion.TLSv1_1
    pair = {"certificate": "leaf.crt", "private_key": "leaf.key"}
    assert RustlsTlsClient.model_validate({**pair, "max_fragment_size": 512}).settings.max_fragment == 512
    assert RustlsTlsClient.model_validate(pair).settings.pair is not None
    with pytest.raises(ValidationError, match="511 is out of range"):
        RustlsTlsClient.model_validate({"max_fragment_size": 511})


@pytest.mark.parametrize(
    ("word", "version"),
    [("1.2", "1.2"), ("tls12", "1.2"), ("TLS1.3", "1.3"), ("tls1_0", "1.0"), ("TLSv1.1", "1.1"), (1.3, "1.3")],
)
def test_versions(word: object, version: str) -> None:
    assert format_version(parse_version(word)) == version
    if isinstance(word, str) and word.lower().startswith("tls"):
        assert format_version(parse_protocol(word)) == version


@pytest.mark.parametrize("data", [12, "", "1", "1.22", "tls", "ssl3", None, True, [], "1.2 ", "１.２"])
def test_what_is_no_version(data: object, refused: Callable[..., list[str]]) -> None:
    assert "is not a version of TLS" in refused(parse_version, data)[0]


@pytest.mark.parametrize("data", [[], "", ":", "a::b", 5, ["a", 5], "a\nb", "é", ["x"] * 129])
def test_what_are_no_ciphers(data: object, refused: Callable[..., list[str]]) -> None:
    assert "is not a list of cipher suites" in refused(parse_ciphers, data)[0]


def test_too_many_certificates(folder: Path) -> None:
    many = ", ".join(["{cert: leaf.crt, key: leaf.key}"] * 65)
    (found,) = problems(folder, f"tls_server: {{cert_pairs: [{many}]}}")
    assert "65 certificates; expected at most 64" in found


def test_too_large_a_file(folder: Path, config: Callable[..., Config]) -> None:
    with (folder / "big.crt").open("wb") as file:
        file.truncate(5 << 20)
    (found,) = problems(folder, "tls_server: {cert: big.crt, key: leaf.key}")
    assert "is larger than 4194304 bytes" in found
