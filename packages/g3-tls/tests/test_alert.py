"""Alerts, byte by byte."""

import pytest
from g3_machine import LocalProtocolError
from g3_tls import TLCP_VERSION, TLS_VERSION, Alert, pack_alert


@pytest.mark.parametrize(
    ("alert", "wire"),
    [
        (Alert.CLOSE_NOTIFY, "1503030002 0100"),
        (Alert.USER_CANCELED, "1503030002 015a"),
        (Alert.UNEXPECTED_MESSAGE, "1503030002 020a"),
        (Alert.UNRECOGNIZED_NAME, "1503030002 0270"),
        (255, "1503030002 02ff"),
    ],
)
def test_the_wire(alert: int, wire: str) -> None:
    assert pack_alert(alert) == bytes.fromhex(wire)


def test_level_and_version_can_be_chosen() -> None:
    assert pack_alert(Alert.UNRECOGNIZED_NAME, fatal=False).hex() == "15030300020170"
    assert pack_alert(Alert.CLOSE_NOTIFY, fatal=True).hex() == "15030300020200"
    assert pack_alert(Alert.DECODE_ERROR, version=TLCP_VERSION).hex() == "15010100020232"
    assert pack_alert(0, version=0xFFFF).hex() == "15ffff00020100"
    assert pack_alert(0, version=0).hex() == "15000000020100"
    assert TLS_VERSION == 0x0303


@pytest.mark.parametrize(("alert", "version"), [(-1, 0), (256, 0), (0, -1), (0, 65536)])
def test_numbers_that_have_no_room(alert: int, version: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_alert(alert, version=version)
    assert str(caught.value) == f"alert {alert}, version {version}: more than 1 and 2 bytes hold"


@pytest.mark.parametrize(
    ("alert", "code"),
    [
        (Alert.RECORD_OVERFLOW, 22),
        (Alert.HANDSHAKE_FAILURE, 40),
        (Alert.ILLEGAL_PARAMETER, 47),
        (Alert.ACCESS_DENIED, 49),
        (Alert.PROTOCOL_VERSION, 70),
        (Alert.INSUFFICIENT_SECURITY, 71),
        (Alert.INTERNAL_ERROR, 80),
        (Alert.MISSING_EXTENSION, 109),
        (Alert.NO_APPLICATION_PROTOCOL, 120),
    ],
)
def test_codes(alert: Alert, code: int) -> None:
    assert alert == code
