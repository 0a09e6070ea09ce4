"""Does what the Dockerfile says without Docker, and holds the result to it: no rights, and one place to write.

RUN lines are run with every absolute path of the image moved into a folder; what needs rights over the machine (a new
user) is left out and named. Then ENTRYPOINT with CMD, and HEALTHCHECK beside it, run as the image's user, on a file
system that can be read only but for the VOLUME. That takes root; without it, it is said and left out.

    python deploy/replay.py [--keep FOLDER]
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).resolve().parent.parent
PLACES = ("/opt/connector", "/src", "/data")
"""The image's own paths."""
NOT_HERE = ("groupadd", "useradd")
"""What would change this machine."""
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PATIENCE = 90.0
PSEUDO = ("proc", "sysfs", "devpts", "devtmpfs", "mqueue", "cgroup", "cgroup2", "securityfs", "nsfs")


class Step(NamedTuple):
    """One instruction of the Dockerfile."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What stands in its brackets."""
        found: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return found


class Image:
    """The image, as a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.cwd = root, "/"
        python = _python(root)
        self.environ = {
            "HOME": os.environ.get("HOME", "/"),
            "PATH": f"{root}/shims:{python}:{_PATH}",
            # A Python that was copied finds its own library there.
            "LD_LIBRARY_PATH": str(python.parent / "lib"),
        }
        self.user, self.volume = "0:0", ""
        self.entrypoint: list[str] = []
        self.command: list[str] = []
        self.health: list[str] = []
        for name in (*NOT_HERE, "install"):
            _shim(root / "shims" / name)

    def here(self, text: str) -> str:
        """A text with the image's paths where they are now."""
        return re.sub(rf"({'|'.join(PLACES)})(?![\w-])", lambda found: f"{self.root}{found[1]}", text)

    def take(self, step: Step) -> None:
        """Do one instruction."""
        action = getattr(self, f"_{step.word.lower()}", None)
        if action is None:
            sys.exit(f"{step.word} is not known to this script; teach it")
        action(step)

    def _from(self, _step: Step) -> None:
        """A new stage begins in the same folder: what it does not copy it could see, which does no harm here."""

    def _workdir(self, step: Step) -> None:
        self.cwd = self.here(step.rest)
        Path(self.cwd).mkdir(parents=True, exist_ok=True)

    def _env(self, step: Step) -> None:
        for pair in shlex.split(step.rest):
            name, _, value = pair.partition("=")
            self.environ[name] = self.here(value).replace("$PATH", self.environ["PATH"])

    def _copy(self, step: Step) -> None:
        words = [word for word in step.rest.split() if not word.startswith("--")]
        if "--from=" in step.rest:
            return
        for source in words[:-1]:
            found, to = HOME / source, Path(self.cwd) / words[-1]
            if found.is_dir():
                shutil.copytree(found, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, to)

    def _run(self, step: Step) -> None:
        print(f"RUN {step.rest}")
        subprocess.run(["/bin/sh", "-euc", self.here(step.rest)], cwd=self.cwd, env=self.environ, check=True)

    def _volume(self, step: Step) -> None:
        self.volume = self.here(step.rest)

    def _user(self, step: Step) -> None:
        self.user = step.rest

    def _healthcheck(self, step: Step) -> None:
        self.health = step.words

    def _stopsignal(self, step: Step) -> None:
        if step.rest != "SIGTERM":
            sys.exit("the script stops by SIGTERM, as the Dockerfile did")

    def _entrypoint(self, step: Step) -> None:
        self.entrypoint = step.words

    def _cmd(self, step: Step) -> None:
        self.command = step.words

    def inside(self, command: Sequence[str]) -> list[str]:
        """A command as the container would run it: its user, its environment, and a file system to read."""
        pairs = [f"{name}={value}" for name, value in self.environ.items() if name != "HOME"]
        plain = ["env", "--ignore-environment", f"--chdir={self.volume}", *pairs, *command]
        if os.geteuid():
            return plain
        user, _, group = self.user.partition(":")
        ids = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", *plain]
        return ["unshare", "--mount", "/bin/sh", "-euc", f"{_read_only(self.volume)} exec {shlex.join(ids)}"]


def main() -> int:
    """Build, start, ask, stop; answers 0 when all of it went as the Dockerfile says."""
    parser = argparse.ArgumentParser(description="Replay the Dockerfile without Docker.")
    parser.add_argument("--keep", type=Path, help="build in this folder and leave it there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        root = (chosen.keep or Path(name)).resolve()
        root.mkdir(parents=True, exist_ok=True)
        # Its user must get in.
        root.chmod(0o755)
        image = Image(root)
        for step in read(HOME / "Dockerfile"):
            image.take(step)
        return _prove(image)


def read(path: Path) -> Iterator[Step]:
    """The instructions of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Step(word, rest.strip())


def _prove(image: Image) -> int:
    data = Path(image.volume)
    with _systems(image.root) as config:
        (data / "connector.yaml").write_text(config, encoding="utf-8")
        if not os.geteuid():
            user, _, group = image.user.partition(":")
            for path in (data, *data.iterdir()):
                os.chown(path, int(user), int(group))
        else:
            print("not root: the user and the read-only file system are left out")
        _refuse_writing(image)
        return _live(image)


def _live(image: Image) -> int:
    """Start it, wait for HEALTHCHECK to say yes, stop it, and see that it ends well."""
    process = subprocess.Popen(image.inside([*image.entrypoint, *image.command]))
    try:
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(image.inside(image.health), capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                print("HEALTHCHECK never said yes")
                return 1
            time.sleep(0.5)
        print("HEALTHCHECK says yes")
        time.sleep(3)
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
    finally:
        process.kill()
    print(
        f"SIGTERM ended it with {code}; its volume holds {sorted(each.name for each in Path(image.volume).iterdir())}"
    )
    return int(code != 0)


def _refuse_writing(image: Image) -> None:
    """Nothing but the volume can be written, or the rest would prove nothing."""
    if os.geteuid():
        return
    for place, may in ((image.volume, True), (str(image.root), False), ("/tmp", False), ("/var/tmp", False)):  # noqa: S108
        done = subprocess.run(image.inside(["touch", f"{place}/.probe"]), capture_output=True, check=False)
        if (done.returncode == 0) != may:
            sys.exit(f"{place} can {'not ' if may else ''}be written")
    (Path(image.volume) / ".probe").unlink()
    print("only the volume can be written")


def _read_only(volume: str) -> str:
    """Shell words that make every file system readable only, but for the volume."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    places = [mount[1] for mount in mounts if mount[2] not in PSEUDO and not mount[1].startswith(("/proc", "/sys"))]
    words = ["mount --make-rprivate /;", f"mount --bind {shlex.quote(volume)} {shlex.quote(volume)};"]
    words += [f"mount -o remount,bind,ro {shlex.quote(place)} 2>/dev/null || true;" for place in dict.fromkeys(places)]
    return " ".join([*words, f"mount -o remount,bind,rw {shlex.quote(volume)};"])


class _Started(NamedTuple):
    process: subprocess.Popen[str]
    url: str


class _systems:  # noqa: N801 -- used as a function
    """Both reference systems beside the container, and the configuration that joins them."""

    def __init__(self, root: Path) -> None:
        self._root, self._running = root, []  # type: tuple[Path, list[_Started]]

    def __enter__(self) -> str:
        for kind in ("crm", "erp"):
            database = str(self._root / f"{kind}.db")
            words = ["-m", "connector.reference", kind, "--port", "0", "--database", database, "--seed", "customers=20"]
            process = subprocess.Popen([sys.executable, *words], cwd=HOME, stdout=subprocess.PIPE, text=True)
            url = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
            self._running.append(_Started(process, url[0] if url else ""))
        crm, erp = (one.url for one in self._running)
        return (
            "systems:\n"
            f"  crm: {{system: reference-crm, url: '{crm}', client_id: demo-client, client_secret: demo-secret}}\n"
            f"  erp: {{system: reference-erp, url: '{erp}', api_key: demo-key}}\n"
            "daemon: {every: 2s}\n"
        )

    def __exit__(self, *_: object) -> None:
        for one in self._running:
            one.process.terminate()
            one.process.wait(20)
            if one.process.stdout:
                one.process.stdout.close()


def _python(root: Path) -> Path:
    """The folder of a Python that everybody may run: a copy, where this one lies in somebody's home."""
    base = Path(sys.base_prefix).resolve()
    if all(parent.stat().st_mode & 0o001 for parent in (base, *base.parents)):
        return base / "bin"
    left_out = shutil.ignore_patterns("__pycache__", "test", "site-packages", "*.a", "share")
    shutil.copytree(base, root / "python", symlinks=True, ignore=left_out)
    if not (root / "python" / "bin" / "python").exists():
        (root / "python" / "bin" / "python").symlink_to("python3")
    return root / "python" / "bin"


def _shim(path: Path) -> None:
    """A stand-in: new users are not made here, and nothing is given to one that there is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name in NOT_HERE:
        text = f'#!/bin/sh\necho "not replayed: {path.name} $*"\n'
    else:
        real = shutil.which(path.name) or "/usr/bin/install"
        text = (
            "#!/bin/sh\nfor word; do shift; case $skip$word in --owner|--group) skip=x;; x*) skip=;;"
            f' *) set -- "$@" "$word";; esac; done\nexec {real} "$@"\n'
        )
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
