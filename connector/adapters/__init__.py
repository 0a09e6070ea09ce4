"""Talk: the port to systems and the adapters behind it."""
