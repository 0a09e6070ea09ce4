"""`connector demo`: two reference systems, the real connector between them, and what became of it."""

import io
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import DebugOption, JsonOption
from connector.cli.output import console, print_json
from connector.errors import ConfigError
from connector.records import Side
from connector.report import Exit

if TYPE_CHECKING:
    from rich.status import Status

    from connector.cli.demo_story import Story
    from connector.cli.demo_systems import Town

HOME = Path(".demo")
"""Where everything is with `--keep`."""
CONFIG, PIDS = "connector.yaml", "pids"
PRODUCTS = 200
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("demo")(run_demo)


def run_demo(
    *,
    customers: Annotated[int, typer.Option("--customers", min=30, help="Companies in the demo's world.")] = 1000,
    orders: Annotated[int, typer.Option("--orders", min=10, help="Orders in the demo's world.")] = 1000,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave both systems running, with everything in ./.demo.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> int:
    """Start a CRM and an ERP that drifted apart, sync them, edit both, sync again, and compare them."""
    from connector.cli.demo_story import DemoCall, Story, tell
    from connector.cli.demo_systems import running

    started = time.perf_counter()
    seed = f"customers={customers},contacts={customers * 3 // 2},products={PRODUCTS},orders={orders}"
    with (
        _folder(keep=keep) as folder,
        _muted(as_json=as_json),
        _spinner(quiet=as_json) as spinner,
        running(folder, seed, keep=keep) as town,
    ):
        spinner.stop()
        config = _configure(folder, town)
        story = Story(town, DemoCall(config, as_json=as_json, debug=debug))
        tell(story)
        story.facts |= {"seconds": round(time.perf_counter() - started, 1), "agrees": not story.failures}
        if keep:
            story.facts["kept"] = _kept(config, town)
        _end(story)
    if as_json:
        print_json({**story.facts, "failures": story.failures})
    return int(Exit.FAILED if story.failures else Exit.CLEAN)


def _spinner(*, quiet: bool) -> "Status":
    """Something that moves on a terminal while the servers fill their databases."""
    drawn = console(stderr=True)
    drawn.quiet = quiet or not sys.stderr.isatty()
    return drawn.status("Starting a CRM and an ERP with their records …")


def _configure(folder: Path, town: "Town") -> Path:
    """The configuration that `connector init` would write; its secrets stand in files beside it."""
    from connector.cli.demo_systems import CLIENT, CRM_SECRET, ERP_KEY
    from connector.starter import SystemChoice, render_config, write_config

    crm = {"url": town.crm.url, "client_id": CLIENT, "client_secret": f"${{file:{CRM_SECRET}}}"}
    erp = {"url": town.erp.url, "api_key": f"${{file:{ERP_KEY}}}"}
    text = render_config(
        SystemChoice("reference-crm", crm),
        SystemChoice("reference-erp", erp),
        store_url=f"sqlite:///{folder / 'connector.db'}",
    )
    write_config(folder / CONFIG, text)
    (folder / PIDS).write_text(" ".join(str(pid) for pid in town.pids.values()), encoding="utf-8")
    return folder / CONFIG


def _kept(config: Path, town: "Town") -> dict[str, Any]:
    """What stays behind with `--keep`, for `--json` and for the hints."""
    urls = {str(Side.CRM): town.crm.url, str(Side.ERP): town.erp.url}
    stop = f"kill {' '.join(str(pid) for pid in town.pids.values())}"
    return {
        "config": str(config),
        "urls": urls,
        "pids": {str(side): pid for side, pid in town.pids.items()},
        "stop": stop,
    }


def _end(story: "Story") -> None:
    """The last word: whether everything holds, how long it took, and how to go on."""
    from connector.cli.demo_story import heading

    seconds = story.facts["seconds"]
    if story.failures:
        heading("THEY DO NOT AGREE", f"{len(story.failures)} things are not as they should be, after {seconds:.0f} s:")
        for failure in story.failures[:_SHOWN]:
            console().print(f"- {failure}")
    else:
        heading("Both systems tell one story", f"Everything above took {seconds:.0f} s, set-up included.")
    if "kept" in story.facts:
        _hint(story.facts["kept"])


def _hint(kept: dict[str, Any]) -> None:
    """What somebody can try now, as lines to copy."""
    config = Path(os.path.relpath(kept["config"]))
    folder, flag = config.parent, f"--config {shlex.quote(str(config))}"
    lines = [
        f"connector status {flag}",
        f"connector problems list {flag}",
        f"connector explain customer acc-1001 {flag}",
        f"connector mappings show customer {flag}",
        f"connector sync {flag}",
        f'curl -H "X-API-Key: $(cat {folder}/erp_api_key)" "{kept["urls"]["erp"]}/api/partners?per_page=1"',
    ]
    console().print("Both systems go on running. Their APIs describe themselves:")
    for url in kept["urls"].values():
        console().print(f"  {url}/openapi.json", style="cyan", soft_wrap=True)
    console().print("Change something with them, and try:")
    console().print()
    for line in lines:
        console().print(f"  {line}", style="cyan", soft_wrap=True)
    console().print()
    console().print(f"Stop them with: {kept['stop']}")


def _muted(*, as_json: bool) -> AbstractContextManager[Any]:
    """With `--json`, one document is all that is printed."""
    return redirect_stdout(io.StringIO()) if as_json else nullcontext()


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """Where the demo's files live: a temporary folder that goes away, or `./.demo` to come back to."""
    if not keep:
        with tempfile.TemporaryDirectory(prefix="connector-demo-") as name:
            yield Path(name)
        return
    _clear_home()
    HOME.mkdir(mode=0o700)
    # From now on the folder is known to be the demo's, whatever happens.
    (HOME / PIDS).touch()
    yield HOME.resolve()


def _clear_home() -> None:
    """Make room for a new demo; one that still runs, or a folder that is not the demo's, is left alone."""
    if not HOME.exists():
        return
    if not (HOME / PIDS).is_file():
        raise ConfigError.of("this folder was not made by the demo; remove or rename it first", file=str(HOME))
    pids = (HOME / PIDS).read_text(encoding="utf-8").split()
    alive = [pid for pid in pids if _is_alive(int(pid))]
    if alive:
        raise ConfigError.of(f"an earlier demo still runs; stop it with: kill {' '.join(alive)}", file=str(HOME))
    shutil.rmtree(HOME)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
