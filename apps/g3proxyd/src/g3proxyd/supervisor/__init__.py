"""The process that owns the listening sockets and watches over the workers."""
