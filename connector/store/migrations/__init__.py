"""The state database's schema, version by version; run by `connector.store.upgrade`."""
