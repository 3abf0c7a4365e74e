"""One process at work: an event loop with its servers, escapers and resolvers."""
