"""TLS as the configuration wants it: contexts of the ssl module, session tickets and caches. The streams are in io."""
