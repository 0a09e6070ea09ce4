"""Where a state database lies: a folder in memory, which can lose what was not made durable."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from connector.store.database import open_store

FILES = ("state.db", "state.db-wal")


@cache
def template() -> Path:
    """A state database with all its tables, to copy: in memory, where the machine has such a folder."""
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(prefix="connector-lives-", dir=memory if memory.is_dir() else None))
    atexit.register(_remove, folder, os.getpid())
    open_store(f"sqlite:///{folder / 'template.db'}").close()
    return folder / "template.db"


def _remove(folder: Path, owner: int) -> None:
    """Leave nothing behind; a worker process that was forked off leaves it to its parent."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


class Disk:
    """One database file, and, where power can fail, what would be left of it."""

    def __init__(self, template: Path, *, keeps: bool) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=template.parent))
        self._kept = self._folder / "kept"
        self._keeps = keeps
        shutil.copyfile(template, self._folder / "state.db")
        self._kept.mkdir()
        self.sync()

    @property
    def url(self) -> str:
        """The database's address."""
        return f"sqlite:///{self._folder / 'state.db'}"

    def sync(self) -> None:
        """What is there now outlives a power failure."""
        if self._keeps:
            self._copy(self._folder, self._kept)

    def fail(self) -> None:
        """Everything since is gone; nobody may have the database open."""
        (self._folder / "state.db-shm").unlink(missing_ok=True)
        self._copy(self._kept, self._folder)

    def _copy(self, source: Path, target: Path) -> None:
        for name in FILES:
            (target / name).unlink(missing_ok=True)
            if (source / name).exists():
                shutil.copyfile(source / name, target / name)

    def close(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._folder)
