"""A plan as a file: what `plan -o` writes and `apply` executes, operation by operation, and nothing else.

Applying decides every key anew from the current state of both systems. An operation is executed when it comes out as it
was planned, told by its digest; what moved since comes out differently, is not executed, and is told.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from connector.apply import batches
from connector.context import Context, Work
from connector.drain import apply_staged, decide_inbox
from connector.endpoints import check_endpoints
from connector.errors import ConfigError, RunError
from connector.reconcile.guards import digest
from connector.records import Arrival, Operation, OperationKind, OperationState, Record, Side
from connector.recover import recover, resolve_doubtful
from connector.report import Report
from connector.store import inbox, journal
from connector.sync import count_open, running, was_read

FORMAT = 1


class PlannedOperation(BaseModel):
    """One line of a plan file; `digest` is what makes it the same operation when it is applied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: str
    side: Side
    kind: OperationKind
    target: str | None
    source: str | None
    action: str | None
    old: dict[str, Any]
    new: dict[str, Any]
    reason: str
    digest: str


class PlanFile(BaseModel):
    """A plan, as written to disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    run: str
    planned_at: datetime
    operations: tuple[PlannedOperation, ...]


def planned(context: Context, run: str, entities: Collection[str] = ()) -> Iterator[Operation]:
    """The operations one plan stored, entity by entity."""
    for name in context.entities:
        if entities and name not in entities:
            continue
        after = ""
        while True:
            with context.store.read() as connection:
                page = journal.by_state(connection, [OperationState.PLANNED], name, run, context.limits.chunk, after)
            if not page:
                break
            yield from page
            after = page[-1].id


def as_line(operation: Operation) -> PlannedOperation:
    """One operation in the form of the plan file."""
    return PlannedOperation(
        entity=operation.entity,
        side=operation.side,
        kind=operation.kind,
        target=operation.target,
        source=operation.source,
        action=operation.action,
        old=_shown(operation.old),
        new=_shown(operation.values),
        reason=operation.reason,
        digest=digest(operation),
    )


def _shown(record: Record) -> dict[str, Any]:
    return dict(record)


def write(context: Context, run: str, path: Path) -> int:
    """Write a stored plan to a file that only its owner can read (it holds record values); returns its operations."""
    lines = [as_line(operation) for operation in planned(context, run)]
    plan = PlanFile(format=FORMAT, run=run, planned_at=context.clock(), operations=tuple(lines))
    data = orjson.dumps(plan.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    try:
        path.touch(mode=0o600)
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError.of(f"the plan cannot be written: {error.strerror}", file=str(path)) from error
    return len(lines)


def read(path: Path) -> PlanFile:
    """Read a plan file; raises `ConfigError` naming what is wrong with it."""
    try:
        plan = PlanFile.model_validate(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise ConfigError.of(f"the plan cannot be read: {error.strerror}", file=str(path)) from error
    except orjson.JSONDecodeError as error:
        raise ConfigError.of(f"this is not JSON: {error.msg}", file=str(path), line=error.lineno) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError.of(
            f"{first['msg']}; make a new plan with: connector plan -o FILE", file=str(path), path=place
        ) from error
    if plan.format != FORMAT:
        raise ConfigError.of(
            f"format {plan.format} is not {FORMAT}; make a new plan with: connector plan -o FILE", file=str(path)
        )
    return plan


def apply(context: Context, plan: PlanFile) -> Report:
    """Execute a plan's operations that still come out as planned; `Report.replanned` names those that do not."""
    report = Report(context.new_id(), "apply")
    with running(context, report) as epoch:
        check_endpoints(context, report)
        for name, entity in context.entities.items():
            lines = [line for line in plan.operations if line.entity == name]
            allowed = frozenset(line.digest for line in lines)
            work = Work(context, entity, report.run, report.tally(name), epoch, allowed=allowed)
            _apply_entity(work, lines)
            report.replanned += _missing(work, lines)
        count_open(context, report)
    return report


def _apply_entity(work: Work, lines: Collection[PlannedOperation]) -> None:
    if lines and not was_read(work.context, work.name):
        raise RunError(
            f"{work.name}: both sides have to be read whole before anything is written, as the state is new or was "
            "restored; first run: connector sync, or make a new plan: connector plan -o FILE"
        )
    recover(work)
    keys = sorted({_key(line) for line in lines})
    for some in batches(keys, work.context.limits.chunk):
        with work.write() as connection:
            inbox.put(
                connection, [Arrival(work.name, side, record_id, "apply") for side, record_id in some], work.now()
            )
    decide_inbox(work)
    apply_staged(work)
    resolve_doubtful(work)


def _key(line: PlannedOperation) -> tuple[Side, str]:
    return (line.side, line.target) if line.target is not None else (line.side.other, str(line.source))


def _missing(work: Work, lines: Collection[PlannedOperation]) -> list[str]:
    """The planned operations that were not executed because their records moved since."""
    return [
        f"{line.entity} {line.side}:{line.target or 'new from ' + str(line.source)} ({line.kind})"
        for line in lines
        if line.digest not in work.executed
    ]
