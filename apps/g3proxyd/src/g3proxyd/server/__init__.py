"""Entrances: one file per type of server."""
