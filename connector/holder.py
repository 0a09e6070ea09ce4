"""Who holds a lease: a process by name, told so that a dead one on this machine need not be waited for."""

import os
import socket
from pathlib import Path


def name_process(run: str) -> str:
    """This process, as the holder of a lease: machine, process namespace, process id, run."""
    return f"{_place()}/{os.getpid()}/{run}"


def is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine and namespace that has ended; False where nobody can tell."""
    place, _, rest = holder.rpartition("/")[0].rpartition("/")
    if place != _place() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _place() -> str:
    """Machine and process namespace: two containers can share a name and count their processes apart."""
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{namespace.readlink() if namespace.is_symlink() else 'host'}"
