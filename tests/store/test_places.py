"""Cursors, endpoints, mappings, aliases and the history."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from connector.records import Cursor, Event, Fingerprint, Side
from connector.store import aliases, cursors, endpoints, history
from connector.store.cursors import Position
from connector.store.database import Store

CRM, ERP = Side.CRM, Side.ERP


def test_a_side_that_was_never_read_has_a_fresh_position(store: Store) -> None:
    with store.read() as conn:
        assert cursors.get(conn, "customer", CRM) == Position("customer", CRM)


def test_a_position_comes_back_as_it_was_saved(store: Store, at: datetime) -> None:
    full = Position("customer", ERP, Cursor("c"), 3, complete=True, known=10, echoes=2, enumeration=Cursor("e"))
    full = full._replace(enumerated_at=at - timedelta(days=1))

    with store.write() as conn:
        cursors.save(conn, Position("customer", ERP), at)
        cursors.save(conn, full, at)
        cursors.save(conn, Position("contact", CRM), at)

        assert cursors.get(conn, "customer", ERP) == full._replace(moved_at=at)
        assert [(one.entity, one.side) for one in cursors.all(conn)] == [("contact", CRM), ("customer", ERP)]


def test_counts_add_up_whoever_adds(store: Store, at: datetime) -> None:
    def bump(_: int) -> None:
        with store.write() as conn:
            cursors.bump(conn, "customer", CRM, known=2, echoes=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bump, range(10)))

    with store.read() as conn:
        position = cursors.get(conn, "customer", CRM)
    assert (position.known, position.echoes, position.cursor) == (20, 10, None)


def test_an_endpoint_is_known_since_its_tenant_first_answered(store: Store, at: datetime) -> None:
    later = at + timedelta(days=1)
    with store.write() as conn:
        assert endpoints.get(conn, CRM) is None
        endpoints.save(conn, CRM, Fingerprint("crm", "acme", "live", at), "first contact", at)
        endpoints.save(conn, CRM, Fingerprint("crm", "acme", "live", later), "ada", later)
        same = endpoints.get(conn, CRM)
        endpoints.save(conn, CRM, Fingerprint("crm", "other", "live", later), "bob", later)

        assert same == endpoints.Endpoint(CRM, "crm", "acme", "live", at, "ada")
        assert endpoints.get(conn, CRM) == endpoints.Endpoint(CRM, "crm", "other", "live", later, "bob")


def test_an_endpoints_clock_is_remembered_beside_ours(store: Store, at: datetime) -> None:
    theirs = at - timedelta(hours=1)
    with store.write() as conn:
        endpoints.save(conn, CRM, Fingerprint("crm", "acme", "live", theirs), "first contact", at)
        endpoints.note_clock(conn, CRM, theirs, at)

        assert endpoints.get(conn, CRM) == endpoints.Endpoint(
            CRM, "crm", "acme", "live", at, "first contact", theirs, at
        )


def test_what_was_listed_whole_can_be_made_due_again(store: Store, at: datetime) -> None:
    with store.write() as conn:
        cursors.save(conn, Position("customer", CRM, enumerated_at=at), at)
        cursors.save(conn, Position("order", CRM), at)
        cursors.save(conn, Position("customer", ERP, enumerated_at=at), at)
        cursors.make_due(conn, CRM)

        listed = {(one.entity, one.side): one.enumerated_at for one in cursors.all(conn)}
    assert listed["customer", CRM] == datetime(1970, 1, 1, tzinfo=UTC)
    assert (listed["order", CRM], listed["customer", ERP]) == (None, at)


def test_a_mapping_is_remembered_by_its_rows(store: Store) -> None:
    with store.write() as conn:
        endpoints.save_mapping(conn, -5, "customer", CRM, {"name": "h1"})
        endpoints.save_mapping(conn, -5, "customer", CRM, {"name": "h1"})

        assert endpoints.mapping_rows(conn, [-5, 6]) == {-5: {"name": "h1"}}
        assert endpoints.known_mappings(conn, [-5, 6]) == {-5}


def test_an_alias_leads_to_the_present_id(store: Store, at: datetime) -> None:
    with store.write() as conn:
        aliases.add(conn, "customer", CRM, "a", "b", at)
        aliases.add(conn, "customer", CRM, "b", "c", at)

        assert aliases.resolve(conn, "customer", CRM, ["a", "b", "c", "x"]) == {"a": "c", "b": "c"}
        assert aliases.resolve(conn, "customer", ERP, ["a"]) == {}


def test_aliases_in_a_circle_come_to_an_end(store: Store, at: datetime) -> None:
    with store.write() as conn:
        aliases.add(conn, "customer", CRM, "a", "b", at)
        aliases.add(conn, "customer", CRM, "b", "a", at)

        assert set(aliases.resolve(conn, "customer", CRM, ["a"])) <= {"a"}


def test_the_older_ids_of_a_record_are_told(store: Store, at: datetime) -> None:
    with store.write() as conn:
        for old, new in (("a", "b"), ("b", "c"), ("x", "c"), ("y", "z")):
            aliases.add(conn, "customer", CRM, old, new, at)

        assert aliases.former(conn, "customer", CRM, ["c", "a"]) == {"c": ["b", "x", "a"]}


def test_an_id_that_is_in_use_again_leads_nowhere(store: Store, at: datetime) -> None:
    with store.write() as conn:
        assert not aliases.is_any(conn)
        aliases.add(conn, "customer", CRM, "a", "b", at)
        assert aliases.is_any(conn)

        aliases.drop(conn, "customer", ERP, ["a"])
        aliases.drop(conn, "customer", CRM, ["a"])

        assert aliases.resolve(conn, "customer", CRM, ["a"]) == {}


def test_the_history_is_told_newest_first(store: Store, at: datetime) -> None:
    later = at + timedelta(minutes=1)
    first = Event("customer", CRM, "a", "linked", {"by": "tax_id"}, link=4)
    second = Event("customer", CRM, "a", "updated", {"phone": ["1", None]}, link=4, operation="op1")
    other = Event("customer", ERP, "a", "updated", {}, link=5)

    with store.write() as conn:
        history.append(conn, "r1", [first, other], at)
        history.append(conn, "r2", [second], later)

        assert history.of(conn, "customer", CRM, "a", 5) == [(later, "r2", second), (at, "r1", first)]
        assert history.of(conn, "customer", CRM, "a", 1) == [(later, "r2", second)]
        assert history.of_link(conn, 5, 5) == [(at, "r1", other)]
