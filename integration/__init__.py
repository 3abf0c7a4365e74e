"""The daemon among real clients, servers and name servers, each in a container of its own."""
