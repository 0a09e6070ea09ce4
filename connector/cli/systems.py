"""`connector systems`: what can be connected, and what each system can and cannot do."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.output import print_json, print_table, say
from connector.report import Exit

if TYPE_CHECKING:
    from connector.adapters.base import Adapter, Capabilities
    from connector.systems import SystemKind

group = typer.Typer(help="The systems that can be connected.", invoke_without_command=True)

_WORDS = {
    "idempotency_key": ("repeated creates are answered with the first one's result", "needs another proof of creates"),
    "marker_field": ("holds our id, so a create whose answer was lost is found again", "cannot hold our id"),
    "marker_unique": ("refuses a second record with our id: no duplicate is possible", "does not refuse a second one"),
    "conditional_write": (
        "updates are refused when the record has moved: no edit is lost",
        "read again just before; an edit in that moment is lost, and `delta` refused",
    ),
    "ordered_versions": (
        "late lists are believed where they show news; a restored backup is noticed",
        "a restored backup looks like edits",
    ),
    "trustworthy_times": ("`newest` can decide conflicts", "`newest` asks instead"),
    "tombstones": ("deletes appear in scans", "deletes are found by listing all ids"),
    "ranges": ("ranges of it are read by several at once, where a run is shared", "it is read by one at a time"),
    "counts": ("a missing record is noticed by counting", "missing records are noticed at the next enumeration"),
    "can_create": ("records can be created", "records are never created here"),
    "can_update": ("records can be changed", "records are never changed here"),
    "can_delete": ("records can be deleted", "records are never deleted here"),
    "can_archive": ("records can be taken out of use", "records cannot be taken out of use"),
}
_LAGS = {
    "granularity": "ties within this step are read again",
    "visibility_lag": "scans begin this much earlier",
    "lookup_lag": "a new record is not called missing before that",
}


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.callback()(_default)
    group.command("list")(asked(list_systems))
    group.command("show")(asked(show_system))
    app.add_typer(group, name="systems")


def _default(context: typer.Context) -> None:
    """The systems that can be connected."""
    if context.invoked_subcommand is None:
        list_systems(Invocation(config=None, as_json=False, debug=False))


def list_systems(call: Invocation) -> int:
    """List every system that can be connected."""
    from connector.systems import listed

    kinds = listed()
    if call.as_json:
        print_json([{"name": kind.name, "title": kind.title, "side": kind.side} for kind in kinds])
    else:
        print_table(("name", "title", "usually the"), [[kind.name, kind.title, kind.side] for kind in kinds])
        say("", "What one can do: connector systems show NAME")
    return int(Exit.CLEAN)


def show_system(call: Invocation, name: Annotated[str, typer.Argument(metavar="NAME", help="A system's name.")]) -> int:
    """Show what a system can do with each of its resources, and what that means for the sync; asks nobody."""
    from connector.mappings.loader import load_system
    from connector.systems import find

    kind = find(name)
    adapter = _unconnected(kind)
    resources = {mapping.resource.name: entity for entity, mapping in load_system(kind.mapping, {}).entities.items()}
    found = {resource: adapter.capabilities(resource) for resource in resources}
    if call.as_json:
        print_json({name: {field: getattr(one, field) for field in one.__slots__} for name, one in found.items()})
        return int(Exit.CLEAN)
    say(f"{kind.title} ({kind.name}), usually the {kind.side}", "")
    say(f"Options in the configuration: {', '.join(kind.options.model_fields)}")
    for resource, one in found.items():
        say("", f"{resource} ({resources[resource]})")
        print_table(("can", "", "so"), [list(row) for row in _consequences(one)])
    return int(Exit.CLEAN)


def _unconnected(kind: "SystemKind") -> "Adapter":
    """An adapter that is only asked for what it declares; it never makes a request."""
    made_up = {"url": "http://localhost"}
    for name, field in kind.options.model_fields.items():
        if field.is_required():
            made_up.setdefault(name, "unused")
    return kind.connect(kind.options.model_validate(made_up).plain())


def _consequences(one: "Capabilities") -> Iterator[tuple[str, str, str]]:
    """Each capability in words, with what it means for the sync."""
    for name, (with_it, without_it) in _WORDS.items():
        value: Any = getattr(one, name)
        yield name.replace("_", " "), _short(value), with_it if value else without_it
    for name, meaning in _LAGS.items():
        value = getattr(one, name)
        if value:
            yield name.replace("_", " "), _short(value), meaning
    if one.unique_fields:
        yield "unique fields", ", ".join(one.unique_fields), "the server refuses a second record with the same value"
    if one.transitions:
        yield "transitions", ", ".join(sorted(one.transitions)), "named actions on a record"
    if one.normalising_fields:
        shown = ", ".join(sorted(one.normalising_fields))
        yield "normalises", shown, "may store these differently from what was sent; both forms count as equal"


def _short(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value or "no")
