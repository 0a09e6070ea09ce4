"""What a fork has loaded before it starts: all of the product."""

import gc
import importlib
import pkgutil

import connector

# These do something when they are imported.
DOING = ("__main__", ".migrations.")

for _module in pkgutil.walk_packages(connector.__path__, f"{connector.__name__}."):
    if not any(part in _module.name for part in DOING):
        importlib.import_module(_module.name)
# What all forks share is nothing to look through for garbage: that would copy it.
gc.freeze()
