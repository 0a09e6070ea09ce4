"""`connector links`: which record is which on the other side, and a person's word on it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.conflicts import BY_HAND
from connector.cli.invocation import Invocation, asked, who
from connector.cli.options import EntityArgument, IdArgument, SideOption, checked
from connector.cli.output import MASKED, count, print_json, print_table, say, shown
from connector.clock import now
from connector.errors import ConfigError
from connector.records import Arrival, Event, Link, LinkStatus, Presence, Ref, Side, decode
from connector.report import Exit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from connector.context import Context

_PAGE = 1000
Former = Mapping[Side, Mapping[str, list[str]]]
CrmOption = Annotated[str, typer.Option("--crm", metavar="ID", help="The record in the CRM.")]
ErpOption = Annotated[str, typer.Option("--erp", metavar="ID", help="The record in the ERP.")]

group = typer.Typer(help="Which record is which on the other side.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.command("list")(asked(list_links))
    group.command("show")(asked(show_link))
    group.command("add")(asked(add_link))
    group.command("remove")(asked(remove_link))
    app.add_typer(group, name="links")


def list_links(
    call: Invocation,
    entity: EntityArgument,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show no more than this.")] = 200,
    dormant: Annotated[bool, typer.Option("--dormant", help="Only those of merged records, which sleep.")] = False,
) -> int:
    """List the links of an entity, with the ids that their records had before they were merged or renamed."""
    from connector.store import links

    checked(call.entities, entity)
    with call.store() as store, store.read() as connection:
        total = links.count(connection, entity)
        found = list(islice(_listed(connection, entity, dormant=dormant), limit))
        former = _former(connection, entity, found)
    if call.as_json:
        print_json([{**_brief(one), "former": _former_of(one, former)} for one in found])
        return int(Exit.CLEAN)
    rows = [[one.id, one.crm_id, one.erp_id, one.status, _told(_former_of(one, former))] for one in found]
    width = 5 if any(former.values()) else 4
    print_table(("link", "crm", "erp", "status", "formerly")[:width], [row[:width] for row in rows])
    more = f", the first {limit} shown" if total > limit and not dormant else ""
    say("", f"{count(total, 'link')} of {entity}{f', {len(found)} of them asleep' if dormant else more}.")
    return int(Exit.CLEAN)


def _listed(connection: "Connection", entity: str, *, dormant: bool) -> Iterator[Link]:
    from connector.store import links

    after = 0
    while page := links.page(connection, entity, after, _PAGE):
        after = page[-1].id
        yield from (one for one in page if not dormant or one.status is LinkStatus.DORMANT)


def _former(connection: "Connection", entity: str, found: Sequence[Link]) -> Former:
    from connector.store import aliases

    if not aliases.is_any(connection):
        return {side: {} for side in Side}
    return {side: aliases.former(connection, entity, side, [one.id_on(side) for one in found]) for side in Side}


def _former_of(link: Link, former: Former) -> dict[Side, list[str]]:
    return {side: former[side].get(link.id_on(side), []) for side in Side}


def _told(former: Mapping[Side, Sequence[str]]) -> str:
    return ", ".join(f"{side}:{old}" for side, olds in former.items() for old in olds)


def show_link(
    call: Invocation,
    entity: EntityArgument,
    record_id: IdArgument,
    *,
    side: SideOption = None,
    values: Annotated[bool, typer.Option("--values", help="Show a person's data too.")] = False,
) -> int:
    """Show one link, with what each side held when the two last agreed."""
    definition = call.entities[checked(call.entities, entity)]
    with call.store() as store, store.read() as connection:
        link = find_link(connection, entity, record_id, side)
    bases = {one: decode(link.base_on(one).record) for one in Side}
    if not values:
        bases = {
            one: {name: _masked(definition.fields, name, value) for name, value in base.items()}
            for one, base in bases.items()
        }
    if call.as_json:
        versions = {one: link.base_on(one).version for one in Side}
        print_json({**_brief(link), "bases": bases, "versions": versions})
        return int(Exit.CLEAN)
    say(f"Link {link.id}: {entity} crm:{link.crm_id} and erp:{link.erp_id}, {link.status}.", "")
    names = sorted(bases[Side.CRM].keys() | bases[Side.ERP].keys())
    rows = [[name, *(shown(bases[one][name]) if name in bases[one] else "-" for one in Side)] for name in names]
    print_table(("field", "crm held", "erp held"), rows)
    return int(Exit.CLEAN)


def _masked(fields: Mapping[str, Any], name: str, value: Any) -> Any:
    rule = fields.get(name)
    return MASKED if value is not None and (rule is None or rule.personal) else value


def find_link(connection: "Connection", entity: str, record_id: str, side: Side | None) -> Link:
    """The link of a record by either side's id, now or formerly; an id that both sides use needs the side."""
    from connector.store import aliases, links

    sides = [side] if side else list(Side)
    found = {link.id: link for one in sides for link in links.find(connection, entity, one, [record_id]).values()}
    if not found:
        present = {one: aliases.resolve(connection, entity, one, [record_id]).values() for one in sides}
        found = {link.id: link for one in sides for link in links.find(connection, entity, one, present[one]).values()}
    if len(found) > 1:
        raise typer.BadParameter(f"both sides have a {entity} {record_id}; say which with --side")
    if not found:
        raise typer.BadParameter(f"{entity} {record_id} has no link")
    return next(iter(found.values()))


def add_link(call: Invocation, entity: EntityArgument, *, crm: CrmOption, erp: ErpOption) -> int:
    """Say that two records are the same; the next sync compares them for the first time."""
    ids = {Side.CRM: crm, Side.ERP: erp}
    with call.context() as context:
        checked(context.entities, entity)
        _refuse_missing(context, entity, ids)
        number = _store_link(context, entity, ids)
    if call.as_json:
        print_json({"id": number, "entity": entity, "crm_id": crm, "erp_id": erp})
    else:
        say(f"{entity} crm:{crm} and erp:{erp} are linked. Compare them with: connector sync -e {entity}")
    return int(Exit.CLEAN)


def _refuse_missing(context: "Context", entity: str, ids: Mapping[Side, str]) -> None:
    """A link to a record that is not there would look like a delete to the next run."""
    for side, record_id in ids.items():
        system = context.systems[side]
        (answer,) = system.adapter.fetch(system.translators[entity].resource, [record_id])
        if answer.presence is not Presence.PRESENT:
            raise ConfigError.of(
                f"the {side} does not show this record ({answer.presence})", file=str(Ref(entity, side, record_id))
            )


def _store_link(context: "Context", entity: str, ids: Mapping[Side, str]) -> int:
    from connector.records import Base, NewLink, encode
    from connector.store import history, inbox, links

    bases = [Base(encode({}), None, context.systems[side].translators[entity].id) for side in Side]
    at = now()
    refs = [Ref(entity, side, record_id) for side, record_id in ids.items()]
    try:
        with context.store.write() as connection:
            (number,) = links.add(connection, [NewLink(entity, ids[Side.CRM], ids[Side.ERP], bases[0], bases[1])], at)
            inbox.put(connection, [Arrival(*ref, "linked by hand") for ref in refs], at)
            inbox.release(connection, refs)
            detail = {"erp_id": ids[Side.ERP], "by": f"{who()} by hand"}
            event = Event(entity, Side.CRM, ids[Side.CRM], "linked", detail, number)
            history.append(connection, BY_HAND, [event], at)
    except links.LinkTaken as error:
        taken = ", ".join(str(ref) for ref in error.taken)
        raise ConfigError.of("linked already; see: connector links show", file=taken) from error
    return number


def remove_link(call: Invocation, entity: EntityArgument, record_id: IdArgument, *, side: SideOption = None) -> int:
    """Forget a link; neither record is touched, and each is matched anew when it changes."""
    from connector.store import conflicts, history, links

    checked(call.entities, entity)
    at = now()
    with call.store() as store, store.write() as connection:
        link = find_link(connection, entity, record_id, side)
        links.remove(connection, [link.id])
        unsettled = conflicts.of_links(connection, [link.id]).get(link.id, [])
        conflicts.close(connection, {(link.id, item.conflict.field) for item in unsettled}, "unlinked", at)
        detail = {"erp_id": link.erp_id, "why": f"removed by {who()} by hand"}
        history.append(connection, BY_HAND, [Event(entity, Side.CRM, link.crm_id, "unlinked", detail, link.id)], at)
    if call.as_json:
        print_json({"removed": link.id, "entity": entity, "crm_id": link.crm_id, "erp_id": link.erp_id})
    else:
        say(
            f"{entity} crm:{link.crm_id} and erp:{link.erp_id} are no longer linked; "
            "each is matched anew when it changes."
        )
    return int(Exit.CLEAN)


def _brief(link: Link) -> dict[str, Any]:
    return {"id": link.id, "entity": link.entity, "crm_id": link.crm_id, "erp_id": link.erp_id, "status": link.status}
