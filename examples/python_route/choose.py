"""A function for route_python. After a change: `g3proxy-ctl reload-escaper by_function`, or SIGHUP for everything."""

from g3proxyd.escaper.route_python import RouteRequest

BLOCKED = ("ads.example", "tracker.example")


def choose(request: RouteRequest) -> str | None:
    """Return the name of the next escaper, or None for the default one; do not wait for anything in here."""
    host = f".{request.host}"
    if any(host.endswith(f".{domain}") for domain in BLOCKED):
        return "nowhere"
    if request.port == 25 and not request.client_ip.startswith("192.168.7."):
        return "nowhere"
    return None
