"""What went wrong, in words, and the exit code that says so."""

import os
import signal
import sys
import traceback
from types import FrameType

import typer

from connector.errors import AuthenticationFailed, ConfigError, ConnectorError, RunError, SystemDown
from connector.report import Exit

CRASHED = 70
"""An error of the connector itself; the number sysexits gives to internal software errors."""
INTERRUPTED = 130
TERMINATED = 143
BROKEN_PIPE = 141

_CLICK_ERROR = typer.BadParameter.__mro__[2]
"""Click's own base class, which newer versions of Typer carry along themselves."""


def listen_for_stop() -> None:
    """Let a polite kill unwind like Ctrl-C, so that leases and bars are given back."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def stopped(stop: SystemExit) -> int:
    """The exit code of something that ended the process itself: mostly a pipe that nobody reads any more."""
    if stop.code == 1:
        return _leave_pipe()
    return stop.code if isinstance(stop.code, int) else 0


def _leave_pipe() -> int:
    # Python flushes stdout once more at its end, and would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def tell(error: BaseException, *, debug: bool) -> int:
    """Say what happened on stderr; answers the exit code."""
    if isinstance(error, BrokenPipeError):
        return _leave_pipe()
    if debug and not isinstance(error, _CLICK_ERROR):
        _say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        asked = isinstance(error, typer.Abort)  # a question was answered with no, or not at all
        _say("nothing was changed" if asked else "stopped; nothing is lost, the next run goes on from here")
        return INTERRUPTED
    if isinstance(error, ConnectorError):
        return _tell_known(error)
    if isinstance(error, _CLICK_ERROR):
        return _tell_usage(error)
    return _tell_unexpected(error)


def _tell_known(error: ConnectorError) -> int:
    if isinstance(error, ConfigError):
        _say("the configuration cannot be used:" if len(error.issues) > 1 else f"{error.issues[0]}")
        for issue in error.issues if len(error.issues) > 1 else ():
            _say(f"  {issue}")
        return Exit.USAGE
    _say(f"{error}{_advice(error)}")
    return Exit.HALTED if isinstance(error, RunError) else Exit.FAILED


def _advice(error: ConnectorError) -> str:
    """What to do about an error whose message can only name the fact."""
    if isinstance(error, AuthenticationFailed):
        return "\nPut it right in the configuration, then prove it: connector check"
    if isinstance(error, SystemDown):
        return "\nNothing is lost; run the command again when the system answers."
    return ""


def _tell_usage(error: BaseException) -> int:
    """A mistake on the command line; Click would exit 2, which means something else here."""
    message = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    _say(f"{message}")
    if not message.startswith("Usage:"):
        _say(f"See: {context.command_path if context is not None else 'connector'} --help")
    return Exit.USAGE


def _tell_unexpected(error: BaseException) -> int:
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    said = f"{type(error).__name__}: {error}".split("\n")[0]
    _say(f"unexpected {said}{notes}; its log is on stderr, run again with --debug to see where it happened")
    return CRASHED


def _say(text: str) -> None:
    from connector.logs import hide

    print(hide(text), file=sys.stderr, flush=True)  # noqa: T201 -- this room's whole purpose
