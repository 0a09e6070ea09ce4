"""The demo's story: two systems that drifted apart, told in sections while the real connector puts them right.

Each section does something, shows it, and leaves what it found in `Story.facts` for `--json` and for the last word.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from typing_extensions import override

from connector import logs, systems
from connector.cli import demo_cash, demo_check, demo_edits, demo_front
from connector.cli.conflicts import resolve_conflicts, show_conflict
from connector.cli.demo_scene import Step, play
from connector.cli.demo_systems import Row, Town
from connector.cli.invocation import Invocation
from connector.cli.links import add_link
from connector.cli.output import console, count, print_table, shown
from connector.cli.progress import bars
from connector.cli.sync import next_steps
from connector.comparison import Comparison
from connector.context import Context
from connector.matching import Contact, match
from connector.records import OperationKind, Side
from connector.report import Report, Tally
from connector.settings import Settings, load_settings
from connector.store import conflicts, problems
from connector.sync import DECISIONS, sync
from connector.verify import verify

COLLECTIONS = {
    "customers": ("accounts", "partners", {"is_company": "true"}),
    "contacts": ("contacts", "partners", {"is_company": "false"}),
    "products": ("products", "items", {}),
    "orders": ("orders", "sales_orders", {}),
    "stock levels": ("stock-levels", "stock_levels", {}),
}
"""What both sides keep, where, and by which filter the ERP tells it from the rest."""

SHOWN = 8
"""Rows of a list that stands for a longer one."""
_REMOVALS = (OperationKind.DELETE, OperationKind.ARCHIVE)


class DemoCall(Invocation):
    """A command's call that hears its configuration file alone: no variable of the user's leads it elsewhere."""

    @cached_property
    @override
    def settings(self) -> Settings:
        settings = load_settings(self.config, {})
        logs.redact_values(settings.secrets)
        logs.configure("debug" if self.debug else "warning", settings.log.format)
        systems.check(settings)
        return settings


@dataclass(slots=True)
class Story:
    """What the sections share: both systems, the connector's door, and what was found so far."""

    town: Town
    call: DemoCall
    facts: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def engine(self) -> Iterator[Context]:
        """The connector, put together as every command does it, with bars on a terminal."""
        with bars(quiet=self.call.as_json) as progress, self.call.context(progress) as context:
            yield context

    def expect(self, *, holds: bool, otherwise: str) -> None:
        """Note what the demo promises; what does not hold is told at the end and fails it."""
        if not holds:
            self.failures.append(otherwise)


def tell(story: Story) -> None:
    """Tell the whole story, section by section."""
    _drifted(story)
    _matched(story)
    _first_sync(story)
    day = _edited(story)
    _decided(story, day)
    heading(
        "6. From a lead to a customer, and after",
        "Sales meets somebody, who becomes a customer by the first order; later something has to be repaired. After "
        "each step the connector syncs, and the other side is looked at.",
    )
    _played(story, "front_office", demo_front.steps(story.town))
    heading(
        "7. From an order to its money",
        "The back office holds an order, releases it, ships it in parts, makes what is lacking, bills it and is paid.",
    )
    _played(story, "order_to_cash", demo_cash.steps(story.town))
    _verified(story)


def heading(title: str, sentence: str) -> None:
    """Begin a section."""
    console().print()
    console().print(title, style="bold")
    console().print(sentence)
    console().print()


def command(line: str) -> None:
    """Show the command that does by hand what the demo does now."""
    console().print(f"$ connector {line}", style="cyan")


def _drifted(story: Story) -> None:
    heading(
        "1. Two systems that drifted apart",
        "A CRM and an ERP, two real servers with a database each. Some records exist in both, spelled differently; "
        "others were only ever typed into one of them.",
    )
    counts = {name: _counted(story.town, *where) for name, where in COLLECTIONS.items()}
    print_table(("", "in the CRM", "in the ERP"), [[name, *sides] for name, sides in counts.items()])
    story.facts["before"] = {name: {"crm": crm, "erp": erp} for name, (crm, erp) in counts.items()}


def _counted(town: Town, collection: str, resource: str, where: dict[str, str]) -> tuple[int, int]:
    crm = town.crm.call("GET", f"{collection}/count")["count"]
    erp = town.erp.call("GET", resource, params={"per_page": 1, **where})["total"]
    return int(crm), int(erp)


def _matched(story: Story) -> None:
    heading(
        "2. Which records are the same",
        "The connector reads both sides and compares tax ids, e-mail addresses, names and numbers. Nothing is written "
        "yet.",
    )
    command("match")
    started = time.perf_counter()
    with story.engine() as context:
        found, _ = match(context)
    columns = ("", "the same on\nboth sides", "only in the ERP:\ncreate in CRM", "only in the CRM:\ncreate in ERP")
    print_table((*columns, "a person\nmust decide", "not meant\nto be shared"), [_match_row(one) for one in found])
    examples = [example for one in found if one.entity == "customer" for example in one.examples]
    spelled = [(one.record.name, one.others[0].name) for one in examples if one.kind == "link"]
    if spelled:
        console().print()
        print_table(("one and the same customer, in the CRM", "in the ERP"), spelled)
    story.facts["match"] = {"seconds": _since(started), "entities": [one.as_dict() for one in found]}


def _match_row(one: Contact) -> list[Any]:
    creates = [one.would_create[side] for side in Side]
    return [one.entity, one.would_link, *creates, one.ambiguous.total(), one.left_alone.total()]


def _first_sync(story: Story) -> None:
    heading(
        "3. The first sync",
        "What matched is linked and brought to one spelling; what was missing is created, parents first.",
    )
    report = _sync(story, "first_sync")
    console().print()
    _tell_decisions(story)
    story.expect(holds=report.open_conflicts == 0, otherwise="the first contact opened conflicts")
    story.expect(holds=not report.halted, otherwise="the first sync was halted")


def _sync(story: Story, name: str) -> Report:
    """One sync, shown as a table of what it did and kept under a name."""
    command("sync")
    started = time.perf_counter()
    with story.engine() as context:
        report = sync(context)
    seconds = _since(started)
    columns = ("", "linked", "created in\nthe CRM", "created in\nthe ERP", "updated in\nthe CRM", "updated in\nthe ERP")
    rows = [row for tally in report.tallies.values() if any((row := _sync_row(tally))[1:])]
    if rows:
        print_table((*columns, "archived", "new\nconflicts"), rows)
    console().print(f"{count(report.writes, 'record')} written in {seconds:.1f} s.")
    for message in (*report.halted, *(next_steps(report) if report.open_problems else ())):
        console().print(message)
    story.facts[name] = {"seconds": seconds, **report.as_dict()}
    story.expect(holds=report.open_problems == 0, otherwise=f"{name}: records failed; see connector problems list")
    return report


def _sync_row(tally: Tally) -> list[Any]:
    written = tally.written
    created = [written[side, OperationKind.CREATE] for side in Side]
    updated = [written[side, OperationKind.UPDATE] + written[side, OperationKind.PERFORM] for side in Side]
    archived = sum(written[side, kind] for side in Side for kind in _REMOVALS)
    return [tally.entity, tally.linked, *created, *updated, archived, tally.conflicts]


def _edited(story: Story) -> demo_edits.Day:
    heading(
        "4. People go on working, on both sides",
        "Nine things happen in the two systems, as people's own clients do them; then the connector syncs again.",
    )
    day = demo_edits.spend_day(story.town)
    report = _sync(story, "second_sync")
    console().print()
    rows, facts = [], []
    for edit in day.edits:
        sight = edit.look()
        rows.append((edit.what, edit.where, ("" if sight.as_expected else "NOT AS EXPECTED: ") + sight.shows))
        facts.append({"what": edit.what, "where": edit.where, "shows": sight.shows, "as_expected": sight.as_expected})
        story.expect(holds=sight.as_expected, otherwise=f"{edit.what}: {sight.shows}")
    print_table(("what somebody did", "where", "what the other side shows now"), rows)
    story.facts["edits"] = facts
    story.expect(holds=report.open_conflicts == 1, otherwise=f"{report.open_conflicts} conflicts are open, not one")
    return day


def _decided(story: Story, day: demo_edits.Day) -> None:
    heading(
        "5. What a person must decide",
        "Where both sides say something else about one thing, the connector asks instead of guessing.",
    )
    _resolve(story, day)
    _tell_twins(story, day)
    console().print()
    story.town.crm.delete("accounts", day.duplicate["id"])
    console().print(f"Whoever typed a customer twice deletes the second one in the CRM again ({day.duplicate['id']}).")
    console().print()
    report = _sync(story, "third_sync")
    _tell_address(story, day)
    console().print()
    _tell_decisions(story)
    story.expect(holds=report.open_conflicts == 0, otherwise="the conflict is still open")


def _resolve(story: Story, day: demo_edits.Day) -> None:
    """The one conflict: shown as the command shows it, and settled for the CRM, whose people asked the customer."""
    with story.call.store() as store, store.read() as connection:
        found = conflicts.listed(connection)
    story.facts["conflicts"] = [
        {"id": item.id, "entity": item.conflict.entity, "field": item.conflict.field, "reason": item.conflict.reason}
        for item in found
    ]
    ours = [item.id for item in found if item.conflict.crm_id == day.contested["id"]]
    story.expect(holds=len(ours) == 1, otherwise="the address edited on both sides is no conflict")
    for number in ours:
        command(f"conflicts show {number}")
        show_conflict(story.call, number)
        console().print()
        console().print("Sales has asked the customer, so the CRM is right:")
        command(f"conflicts resolve {number} --take crm")
        resolve_conflicts(story.call, [number], take=Side.CRM)


def _tell_address(story: Story, day: demo_edits.Day) -> None:
    account = story.town.crm.read("accounts", day.contested["id"])
    partners = story.town.erp.all("partners", code=account["erpNumber"])
    streets = [account["billingAddress"]["street"], *(partner["street"] for partner in partners)]
    console().print(f"The customer that had two addresses: {' in the CRM, '.join(streets)} in the ERP.")
    story.expect(holds=streets == [demo_edits.STREETS["crm"]] * 2, otherwise="the resolution was not written")


def _tell_twins(story: Story, day: demo_edits.Day) -> None:
    """One customer in the CRM, two with its VAT id in the ERP: somebody who knows them says which one it is."""
    with story.call.store() as store, store.read() as connection:
        parked = [item.problem for item in problems.listed(connection, "customer")]
    accounts = [
        item.id
        for item in parked
        if item.side is Side.CRM and item.cause == "ambiguous" and item.id != day.duplicate["id"]
    ]
    story.facts["ambiguous"] = {"customers": len(accounts), "linked_by_hand": bool(accounts)}
    if not accounts:
        return
    account = story.town.crm.read("accounts", accounts[0])
    rivals = _with_vat(story.town, account)
    console().print()
    console().print("Two customers of the ERP have the VAT id of one in the CRM. Neither was linked, none was created:")
    console().print()
    print_table(("", "id", "name", "e-mail", "city"), [_crm_face(account), *map(_erp_face, rivals)])
    chosen = _likeliest(account, rivals)
    console().print()
    command(f"links add customer --crm {account['id']} --erp {chosen['id']}")
    add_link(story.call, "customer", crm=str(account["id"]), erp=str(chosen["id"]))


def _with_vat(town: Town, account: Row) -> list[Row]:
    compact = "".join(filter(str.isalnum, account["vatId"] or "")).upper()
    return town.erp.all("partners", is_company="true", vat=compact)


def _crm_face(row: Row) -> list[str]:
    return ["CRM", row["id"], shown(row["name"]), shown(row["email"]), shown((row["billingAddress"] or {}).get("city"))]


def _erp_face(row: Row) -> list[str]:
    return ["ERP", str(row["id"]), shown(row["name"]), shown(row["email"]), shown(row["city"])]


def _likeliest(account: Row, rivals: Sequence[Row]) -> Row:
    """Whom a person would choose: the same e-mail address, else the same first word of the name."""
    word = str(account["name"]).split()[0].casefold()
    alike = [row for row in rivals if row["email"] and row["email"] == (account["email"] or "").lower()]
    return next(iter(alike or [row for row in rivals if row["name"].casefold().startswith(word)] or rivals))


def _tell_decisions(story: Story) -> None:
    """What is left to a person, and how many records wait for that."""
    with story.call.store() as store, store.read() as connection:
        waiting = [item.problem for item in problems.listed(connection) if item.problem.cause in DECISIONS]
    unclear = [item for item in waiting if item.cause == "ambiguous"]
    if not unclear:
        console().print("No record is without a clear match.")
        return
    # A message names the record, then the reason, then what to do.
    reasons = [item.message.partition(": ")[2].partition(". ")[0] for item in unclear]
    rows = [(f"{item.entity} {item.side}:{item.id}", why) for item, why in zip(unclear[:SHOWN], reasons, strict=False)]
    print_table(("left to a person", "why"), rows)
    behind = len(waiting) - len(unclear)
    console().print()
    console().print(
        f"{count(len(unclear), 'record')} without a clear match, {behind} that wait for one of them; nothing was "
        "guessed. All of them: connector problems list"
    )


def _played(story: Story, name: str, steps: Iterable[Step]) -> None:
    """A scene in which each step waits for what became of the one before."""
    with story.engine() as context:
        told = list(play(steps, lambda: sync(context)))
    rows = [
        (one.what, one.where, ("" if one.as_expected else "NOT AS EXPECTED: ") + one.shows, f"{one.seconds:.1f}")
        for one in told
    ]
    print_table(("what somebody did", "where", "what the other side shows then", "s"), rows)
    for one in told:
        story.expect(holds=one.as_expected, otherwise=f"{one.what}: {one.shows}")
    story.facts[name] = [one._asdict() for one in told]


def _verified(story: Story) -> None:
    heading(
        "8. Do they agree?",
        "First the connector compares both live systems, field by field. Then the demo does, by their own APIs and "
        "without the connector.",
    )
    command("verify")
    with story.engine() as context:
        found, code = verify(context)
    print_table(
        ("", "pairs", "fields\nequal", "equal in\nnormal form", "explained", "different", "unlinked,\nfor a reason"),
        [_comparison_row(one) for one in found],
    )
    unexplained = sum(one.unexplained for one in found)
    story.facts["verify"] = {"exit": int(code), "entities": [one.as_dict() for one in found]}
    story.expect(holds=unexplained == 0, otherwise=f"verify found {unexplained} differences that nothing explains")
    console().print()
    _judge(story)
    console().print()
    report = _sync(story, "last_sync")
    story.expect(holds=report.writes == 0, otherwise="a sync with nothing to do wrote something")


def _comparison_row(one: Comparison) -> list[Any]:
    loose = sum(number for (_, why), number in one.unlinked.items() if why != "unexplained")
    fields = [one.fields[name] for name in ("equal", "equal after normal form", "explained", "different")]
    return [one.entity, one.pairs, *fields, loose]


def _judge(story: Story) -> None:
    with story.call.store() as store, store.read() as connection:
        listed = [item.problem for item in problems.listed(connection)]
    undecided: dict[tuple[str, Side], set[str]] = {}
    for item in listed:
        undecided.setdefault((item.entity, item.side), set()).add(item.id)
    checks = demo_check.judge(story.town, undecided)
    rows = [[check.claim, check.crm, check.erp, check.open, "yes" if check.agrees else "NO"] for check in checks]
    print_table(("the demo's own check", "CRM", "ERP", "undecided", "holds"), rows)
    for check in checks:
        story.expect(holds=check.agrees, otherwise=f"{check.claim}: {', '.join(check.wrong[: demo_check.SHOWN])}")
    story.facts["checks"] = [check.as_dict() for check in checks]


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)
