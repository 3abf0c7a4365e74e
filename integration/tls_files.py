"""The certificates of one run, good and bad, in the files that the containers read."""

import datetime
from pathlib import Path

from certificates import Authority

DAY = datetime.timedelta(days=1)
OVER = (-2 * DAY, -DAY)


def write(folder: Path) -> None:
    """Make an authority and all that it issues; valid for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, stranger = Authority(), Authority("An authority that nobody trusts")
    (folder / "authority.crt").write_bytes(authority.pem)
    leaves = {
        "origin": authority.issue("origin.g3.test", "mutual.g3.test", "*.fresh.g3.test"),
        "expired": authority.issue("expired.g3.test", valid=OVER),
        "wrong-name": authority.issue("somebody-else.g3.test"),
        "unknown-issuer": stranger.issue("unknown-issuer.g3.test"),
        "proxy": authority.issue("proxy.g3.test"),
        "relay": authority.issue("relay.g3.test"),
        "names": authority.issue("names.g3.test"),
        "renewed": authority.issue("proxy.g3.test", common_name="renewed"),
        "client": authority.issue(client=True),
        "expired-client": authority.issue(client=True, valid=OVER),
        "unknown-client": stranger.issue(client=True),
    }
    for name, leaf in leaves.items():
        leaf.write(folder, name)
    for file in folder.iterdir():
        file.chmod(0o644)  # the daemon runs as nobody
