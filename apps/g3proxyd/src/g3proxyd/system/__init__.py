"""What the daemon has to do with the system around it: background, pid file, systemd, processors."""
