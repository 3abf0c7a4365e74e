"""The two daemons of one configuration language: g3proxyd of this repository, and g3proxy where a binary is named."""

import os
import sys
from pathlib import Path
from typing import get_args

from bench.peers.base import Peer, Setup, ask_version, find

_SETUPS = frozenset[Setup](get_args(Setup))


class G3proxyd(Peer):
    """The daemon of this repository, from the environment that runs the benchmark or as G3PROXYD_BIN names it."""

    name = "g3proxyd"
    setups = _SETUPS
    config = "g3proxy/{}.yml"

    def program(self) -> str | None:
        beside = Path(sys.executable).parent / "g3proxyd"
        checkout = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "g3proxyd"
        return find(os.environ.get("G3PROXYD_BIN", ""), str(beside), str(checkout), "g3proxyd")

    def command(self, config: Path) -> list[str]:
        return [self.program() or "g3proxyd", "-c", str(config)]

    def version(self) -> str:
        program = self.program() or "g3proxyd"
        own = ask_version(program, "--version").removeprefix("g3proxyd").strip(" ,")
        python = ask_version(program, "-v", "--version", word="Python").partition(" on ")[0]
        return f"{own} on {python}" if python else own


class G3proxy(Peer):
    """The original in Rust; no package of it is at hand, so it is measured only where G3PROXY_BIN names a binary."""

    name = "g3proxy"
    setups = _SETUPS
    config = "g3proxy/{}.yml"

    def program(self) -> str | None:
        named = os.environ.get("G3PROXY_BIN", "")
        return find(named) if named else None

    def missing(self) -> str | None:
        named = os.environ.get("G3PROXY_BIN")
        if not named:
            return "G3PROXY_BIN does not name a binary"
        return None if find(named) else f"G3PROXY_BIN={named} is not a program"

    def command(self, config: Path) -> list[str]:
        # On one core its runtime starts one worker thread.
        return [self.program() or "g3proxy", "-c", str(config), "-G", f"bench{os.getpid()}"]

    def version(self) -> str:
        return ask_version(self.program() or "g3proxy", "--version").removeprefix("g3proxy").strip(" ,")
