"""g3proxy-ctl: asks a running daemon through its control socket."""
