"""The control socket: HTTP and JSON over a unix socket, for g3proxy-ctl, for scripts and for a successor."""
