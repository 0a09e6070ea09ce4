"""The tables of the state database.

Instants are whole microseconds since 1970, sides are 'crm' or 'erp', records and other JSON are canonical bytes.
A change here needs a migration; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

# The conditions of partial indexes, to be repeated in queries word for word: SQLite compares them literally.
LIVE = "phase = 'live'"
STOPPED = "phase = 'stopped'"
REMOVED = "phase = 'done' AND kind IN ('archive', 'delete')"
CHANGED = "phase = 'done' AND kind = 'update' AND reason <> 'first contact'"
TARGETED = "target IS NOT NULL AND kind <> 'create'"
READY = "waits_for IS NULL AND next_try IS NULL"
WAITING = "waits_for IS NOT NULL"
POSTPONED = "waits_for IS NULL AND next_try IS NOT NULL"
UNSETTLED = "status <> 'closed'"
OPEN = "closed_at IS NULL"
UNDONE = "state = 'open'"

# Indexes begin with the id: on a table without statistics PostgreSQL takes an entity for so rare that it would read
# every row of it, rather than look the ids up.
metadata = MetaData()
link_number = Sequence("link_number", metadata=metadata)
"""Numbers links on PostgreSQL, where a counter row would make one transaction wait for the other."""

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, empty: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=empty)


def _number(name: str, *, empty: bool = False, primary: bool = False) -> Column[Any]:
    return Column(name, _NUMBER, nullable=empty, primary_key=primary, autoincrement=False)


def _bytes(name: str, *, empty: bool = False) -> Column[Any]:
    return Column(name, LargeBinary, nullable=empty)


def _serial(name: str) -> Column[Any]:
    return Column(name, _NUMBER, primary_key=True, autoincrement=True)


def _record() -> list[Column[Any]]:
    return [_text("entity"), _text("side"), _text("id")]


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where))


def fit_postgresql() -> None:
    """Let PostgreSQL know the conditions of partial indexes: naming its dialect imports it, which takes 25 ms."""
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


counter = Table("counter", metadata, Column("name", Text, primary_key=True), _number("value"))

endpoint = Table(
    "endpoint",
    metadata,
    Column("side", Text, primary_key=True),
    _text("system"),
    _text("tenant"),
    _text("environment"),
    _number("first_seen"),
    _text("confirmed_by", empty=True),
    _number("clock", empty=True),
    _number("answered_at", empty=True),
)

mapping = Table(
    "mapping", metadata, _number("mapping_id", primary=True), _text("entity"), _text("side"), _bytes("rows")
)

link = Table(
    "link",
    metadata,
    _number("id", primary=True),
    _text("entity"),
    _text("crm_id"),
    _text("erp_id"),
    _text("status"),
    _number("created_at"),
    _number("changed_at"),
    UniqueConstraint("crm_id", "entity", name="uq_link_crm"),
    UniqueConstraint("erp_id", "entity", name="uq_link_erp"),
    Index("ix_link_entity", "entity", "id"),
)

base = Table(
    "base",
    metadata,
    _number("link", primary=True),
    _text("crm_version", empty=True),
    _text("erp_version", empty=True),
    *map(_number, ("crm_mapping", "erp_mapping", "crm_at", "erp_at")),
    # The long values come last, so that a look at a version does not read them.
    _bytes("crm_record"),
    _bytes("erp_record"),
    *(
        Column(name, Boolean(create_constraint=False), nullable=False, server_default=false())
        for name in ("crm_whole", "erp_whole")
    ),
)

sighting = Table(
    "sighting",
    metadata,
    *_record(),
    _text("version", empty=True),
    _number("generation"),
    _number("first_at"),
    _bytes("keys"),
    PrimaryKeyConstraint("id", "entity", "side"),
    sqlite_with_rowid=False,
)

# No primary key, but one narrow index: hashes are scattered, so a wide index would rewrite most of its pages each time.
match_key = Table(
    "match_key",
    metadata,
    _number("hash"),
    _text("entity"),
    _text("side"),
    _text("id"),
    Index("ix_match_key_hash", "hash"),
)

inbox = Table(
    "inbox",
    metadata,
    _number("seq", primary=True),
    *_record(),
    _text("why"),
    _number("since"),
    _number("seen_at"),
    Column("attempts", Integer, nullable=False),
    _text("version", empty=True),
    Column("deleted", Boolean(create_constraint=False), nullable=False),
    _number("modified", empty=True),
    _text("waits_for", empty=True),
    _number("next_try", empty=True),
    _bytes("record", empty=True),
    UniqueConstraint("id", "entity", "side", name="uq_inbox_record"),
    _partial("ix_inbox_ready", "entity", "seq", where=READY),
    _partial("ix_inbox_postponed", "entity", "next_try", where=POSTPONED),
    _partial("ix_inbox_waiting", "waits_for", where=WAITING),
    _partial("ix_inbox_parked", "entity", "seq", where=WAITING),
)

receipt = Table(
    "receipt",
    metadata,
    _text("side"),
    _text("delivery_id"),
    _number("at"),
    PrimaryKeyConstraint("side", "delivery_id"),
    Index("ix_receipt_at", "at"),
    sqlite_with_rowid=False,
)

cursor = Table(
    "cursor",
    metadata,
    _text("entity"),
    _text("side"),
    _text("cursor", empty=True),
    _number("generation"),
    Column("complete", Boolean(create_constraint=False), nullable=False),
    _number("known"),
    _number("echoes"),
    _text("enumeration", empty=True),
    _number("enumerated_at", empty=True),
    _number("moved_at", empty=True),
    PrimaryKeyConstraint("entity", "side"),
)

operation = Table(
    "operation",
    metadata,
    Column("id", Text, primary_key=True),
    *map(_text, ("entity", "side", "kind", "key")),
    _text("target", empty=True),
    _text("source", empty=True),
    _number("link", empty=True),
    _text("version", empty=True),
    _text("action", empty=True),
    _text("source_version", empty=True),
    _text("reason"),
    _number("reserved", empty=True),
    _text("state"),
    # Coarser than the state, so that moving a live operation on leaves every index alone.
    _text("phase"),
    Column("attempts", Integer, nullable=False),
    _text("run"),
    _text("error", empty=True),
    _number("created_at"),
    _number("changed_at"),
    _number("done_at", empty=True),
    _bytes("values"),
    _bytes("old"),
    _bytes("settles"),
    _partial("uq_operation_live", "key", "entity", "side", where=LIVE, unique=True),
    _partial(
        "uq_operation_reserved", "reserved", "entity", "side", where=f"reserved IS NOT NULL AND {LIVE}", unique=True
    ),
    _partial("ix_operation_live", "id", where=LIVE),
    _partial("ix_operation_stopped", "state", "id", where=STOPPED),
    # An index costs every create about two microseconds: a run's operations are found by their ids instead, which
    # follow the run's own in time, and what a create made by its source.
    _partial("ix_operation_removed", "entity", "side", "done_at", "kind", where=REMOVED),
    _partial("ix_operation_changed", "entity", "side", "done_at", "target", where=CHANGED),
    _partial("ix_operation_target", "target", where=TARGETED),
    _partial("ix_operation_source", "source", where="source IS NOT NULL"),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    _text("kind"),
    _number("started_at"),
    _number("finished_at", empty=True),
    _text("outcome", empty=True),
    _bytes("counts", empty=True),
    Index("ix_run_started", "started_at"),
    _partial("ix_run_unfinished", "id", where="finished_at IS NULL"),
)

history = Table(
    "history",
    metadata,
    _serial("seq"),
    _number("at"),
    _text("run"),
    *_record(),
    _text("kind"),
    _number("link", empty=True),
    _text("operation", empty=True),
    _bytes("detail"),
    Index("ix_history_record", "id", "entity", "side"),
    Index("ix_history_link", "link"),
)

conflict = Table(
    "conflict",
    metadata,
    _serial("id"),
    _text("entity"),
    _number("link"),
    *map(_text, ("crm_id", "erp_id", "field")),
    *map(_bytes, ("crm_base", "erp_base", "crm_value", "erp_value")),
    _text("reason"),
    _number("opened_at"),
    _number("changed_at"),
    _text("status"),
    _text("take", empty=True),
    _bytes("chosen", empty=True),
    _text("resolved_by", empty=True),
    _text("how", empty=True),
    _partial("uq_conflict_open", "link", "field", where=UNSETTLED, unique=True),
)

problem = Table(
    "problem",
    metadata,
    _serial("number"),
    *_record(),
    _text("cause"),
    _text("message"),
    _text("field", empty=True),
    _text("waits_for", empty=True),
    _number("opened_at"),
    _number("seen_at"),
    Column("attempts", Integer, nullable=False),
    _number("closed_at", empty=True),
    _partial("uq_problem_open", "id", "entity", "side", "cause", where=OPEN, unique=True),
)

alias = Table(
    "alias",
    metadata,
    _text("entity"),
    _text("side"),
    _text("old_id"),
    _text("new_id"),
    _number("at"),
    PrimaryKeyConstraint("old_id", "entity", "side"),
)

approval = Table(
    "approval",
    metadata,
    _text("entity"),
    _text("side"),
    _text("digest"),
    _text("record_id"),
    _text("kind"),
    _text("approved_by"),
    _number("at"),
    _number("expires"),
    PrimaryKeyConstraint("digest", "entity", "side"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    _text("owner"),
    _number("epoch"),
    _number("until"),
)

pause = Table("pause", metadata, Column("name", Text, primary_key=True), _text("by"), _number("at"))

standing = Table(
    "standing",
    metadata,
    Column("name", Text, primary_key=True),
    _number("good_at", empty=True),
    _number("halted_at", empty=True),
    _text("reason", empty=True),
    _text("run", empty=True),
)

remark = Table(
    "remark",
    metadata,
    *_record(),
    _text("status"),
    _text("digest"),
    _number("at"),
    PrimaryKeyConstraint("id", "entity", "side"),
)

alert = Table(
    "alert",
    metadata,
    Column("name", Text, primary_key=True),
    _text("message"),
    _number("since"),
    _number("told_at", empty=True),
)

portion = Table(
    "portion",
    metadata,
    _serial("number"),
    _text("run"),
    # Of the run's lease: who took that over ends everybody's work on the run.
    _number("run_epoch"),
    _text("entity"),
    _text("task"),
    _bytes("payload"),
    _text("state"),
    _text("owner"),
    _number("epoch"),
    _number("until"),
    Column("attempts", Integer, nullable=False),
    _bytes("tally", empty=True),
    _text("error", empty=True),
    _partial("ix_portion_open", "run", "number", where=UNDONE),
)

stretch = Table(
    "stretch",
    metadata,
    *map(_text, ("entity", "side", "kind")),
    _number("number"),
    _text("cursor", empty=True),
    _number("seen"),
    PrimaryKeyConstraint("entity", "side", "kind", "number"),
)

pace = Table("pace", metadata, Column("name", Text, primary_key=True), _number("next"))

tick = Table("tick", metadata, Column("name", Text, primary_key=True), _number("at"))
