"""Works on portions of runs that somebody conducts; every portion ends well, or is left to somebody else."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, TypeAlias

from sqlalchemy.exc import IntegrityError

from connector.apply import apply_planned
from connector.context import Context, Work
from connector.drain import decide_keys, decide_range
from connector.endpoints import check_endpoints
from connector.errors import LeaseLost, RunError, StoreError, WrongTenant
from connector.executor import beside
from connector.holder import name_process
from connector.keeper import KeeperBeside
from connector.logs import bound, get_logger, hide
from connector.records import OperationState, Side
from connector.report import Report, Tally
from connector.store import journal, portions
from connector.store.portions import DONE, FAILED, Portion
from connector.stretches import finish_listing, read_stretch
from connector.tenure import LEASE

log = get_logger()

ATTEMPTS = 8
"""So often a portion is tried whose results stood in the way of another's; then something else is wrong."""


class Worker:
    """One process's hands; several threads may use it at once."""

    def __init__(
        self, context: Context, *, conducts: bool = False, slot: Callable[[Context], Context] | None = None
    ) -> None:
        """A process that `conducts` the runs has asked both systems who they are; a `slot` is what a portion gets."""
        self._context, self._conducts, self._slot = context, conducts, slot or _slot
        self._known: set[str] = set()
        self._unfit: set[str] = set()
        self._lock = threading.Lock()

    def work_on(self, run: str) -> int:
        """Take one portion of a run after the other, until none is free; says how many."""
        done = 0
        try:
            while self._is_fit(run) and (portion := self._claim(run)) is not None:
                self._do(portion)
                done += 1
        except StoreError as error:
            # Its portion is free again when its lease is over, and the conductor looks for somebody to take it.
            log.warning("portion_left", run_id=run, reason=hide(str(error)))
        return done

    def _is_fit(self, run: str) -> bool:
        """Whether this process talks to the same systems as the one that conducts the run; asked once a run."""
        with self._lock:
            if not self._conducts and run not in self._known | self._unfit:
                try:
                    check_endpoints(self._context, Report(run, "portion"))
                    self._known.add(run)
                except WrongTenant as error:
                    self._refuse(run, str(error))
                except RunError as error:
                    # Who conducts the run asks again.
                    log.warning("portions_left", run_id=run, reason=hide(str(error)))
                    return False
            return run not in self._unfit

    def _refuse(self, run: str, reason: str) -> None:
        self._unfit.add(run)
        log.warning("run_not_shared", run_id=run, reason=hide(reason))

    def _claim(self, run: str) -> Portion | None:
        owner, ttl = name_process(f"{run}.{threading.get_ident()}"), self._context.limits.lease
        with self._context.store.write() as connection:
            return portions.claim(connection, run, LEASE, owner, ttl, self._context.clock())

    def _do(self, portion: Portion) -> None:
        tally = Tally(portion.entity)
        if (reason := self._strangeness(portion)) is not None:
            self._leave(portion, None, tried=False)
            self._refuse(portion.run, reason)
            return
        with bound(run_id=portion.run, entity=portion.entity):
            try:
                self._work(portion, tally)
            except LeaseLost as error:
                self._leave(portion, str(error), tried=False)
            except (StoreError, IntegrityError) as error:
                # What two portions decided at the same time stands in the way of the later one: it decides anew.
                self._try_again(portion, tally, error)
            except RunError as error:
                self._finish(portion, tally, FAILED, str(error))
            except SystemExit:
                self._leave(portion, None, tried=False)
                raise
            except Exception as error:
                log.exception("portion_failed", error=type(error).__name__)
                self._finish(portion, tally, FAILED, f"{type(error).__name__} in a portion; see the log")
            else:
                self._finish(portion, tally, DONE, None)

    def _strangeness(self, portion: Portion) -> str | None:
        """Why this process would do something else with a portion than the one that conducts its run."""
        if portion.task not in _TASKS:
            return f"another version of the connector conducts it: nothing is known here of {portion.task!r}"
        if portion.payload["mappings"] != mappings_of(self._context, portion.entity):
            return f"other mappings of {portion.entity} are in force here than where the run began"
        return None

    def _work(self, portion: Portion, tally: Tally) -> None:
        entity = self._context.entities[portion.entity]
        context = self._slot(self._context)
        try:
            work = Work(context, entity, portion.run, tally, portion.run_epoch, portion=portion)
            _TASKS[portion.task](work, portion.payload)
        finally:
            context.keeper.rest()

    def _try_again(self, portion: Portion, tally: Tally, error: Exception) -> None:
        reason = str(error) if isinstance(error, StoreError) else type(error).__name__
        if portion.attempts + 1 >= ATTEMPTS:
            self._finish(portion, tally, FAILED, reason)
        else:
            log.info("portion_collided", portion=portion.number, reason=hide(reason))
            self._leave(portion, None, tried=True)

    def _leave(self, portion: Portion, error: str | None, *, tried: bool) -> None:
        with self._context.store.write() as connection:
            portions.give_back(connection, portion, tried=tried, error=error)

    def _finish(self, portion: Portion, tally: Tally, state: str, error: str | None) -> None:
        with self._context.store.write() as connection:
            portions.finish(connection, portion, state, tally.as_dict(), error)


def _slot(context: Context) -> Context:
    """A keeper of its own, so that what other slots have to store need not be waited for, and one call at a time."""
    return replace(context, keeper=KeeperBeside(context.store), executor=_one_beside)


def _one_beside(_threads: int) -> Executor:
    """A slot makes one call at a time: there are as many calls under way as there are slots."""
    return beside(1)


def mappings_of(context: Context, entity: str) -> list[int]:
    """What tells one version of an entity's mappings from another, on both sides."""
    systems = context.systems.values()
    return [system.translators[entity].id for system in systems if entity in system.translators]


Task: TypeAlias = Callable[[Work, Mapping[str, Any]], None]


def _read(work: Work, payload: Mapping[str, Any]) -> None:
    read_stretch(work, Side(payload["side"]), payload["kind"], payload["number"])


def _list(work: Work, payload: Mapping[str, Any]) -> None:
    finish_listing(work, Side(payload["side"]))


def _decide(work: Work, payload: Mapping[str, Any]) -> None:
    decide_keys(work, payload["seqs"])


def _range(work: Work, payload: Mapping[str, Any]) -> None:
    decide_range(work, payload["after"], payload["upto"], Side(payload["side"]))


def _apply(work: Work, payload: Mapping[str, Any]) -> None:
    with work.store.read() as connection:
        found = journal.get(connection, payload["operations"]).values()
    # What is no longer planned was sent by somebody who died: the end of the run finds out what became of it.
    apply_planned(work, [item for item in found if item.state is OperationState.PLANNED])


_TASKS: Mapping[str, Task] = {
    "read": _read,
    "list": _list,
    "decide": _decide,
    "range": _range,
    "apply": _apply,
}
