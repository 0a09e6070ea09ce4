"""The door from the shell: `connector` and `python -m connector`."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from connector.cli import failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code; whatever goes wrong is told in one message."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    failures.listen_for_stop()
    # The connector has no plugins for pydantic: to look for them in all that is installed is a twentieth of a start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Loading the program makes nothing but what stays: to look for garbage in it costs a tenth of the start.
    gc.set_threshold(200_000, 20, 50)
    try:
        from connector.cli.app import command_line

        code = int(command_line(given)(given, prog_name="connector", standalone_mode=False) or 0)
        sys.stdout.flush()  # here, where a pipe that nobody reads any more can still be met
    except SystemExit as stop:
        return failures.stopped(stop)
    except BaseException as error:  # noqa: BLE001 -- the one place where everything is told and nothing escapes
        return failures.tell(error, debug=debug)
    return code


def run() -> NoReturn:
    """Run one command and end the process with its exit code.

    What was begun is closed by then, and what is left goes with the process: to take it apart piece by piece is a
    twentieth of a sync with nothing to do.
    """
    code = main()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
