"""Moving bytes: streams, the relay, pacing, listening sockets and the timers behind them."""
