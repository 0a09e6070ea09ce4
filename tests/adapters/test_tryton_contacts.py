"""Contacts of Tryton: parties that work for another one."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.errors import Rejected
from connector.records import Draft, Patch, Resource
from tests.adapters.tryton_wire import Wire, adapter, party

READ, CREATE, WRITE = (f"model.party.party.{verb}" for verb in ("search_read", "create", "write"))
CONTACTS = Resource("party.party/contacts", (("is_contact", True),))
EMPLOYMENT = {"id": 8, "to": 2, "type.": {"id": 1, "name": "Works for"}}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


def contact(**changes: Any) -> dict[str, Any]:
    told = {
        "name": "van der Berg, Anna Maria",
        "relations.": [EMPLOYMENT],
        "categories.": [{"id": 2, "name": "Contact"}],
    }
    return party(7, **{**told, **changes})


def test_a_contact_is_a_party_that_works_for_another_one(wire: Wire) -> None:
    wire.says(READ, [contact()])

    body = adapter().scan(CONTACTS, None).remotes[0].body or {}

    assert (body["last_name"], body["first_name"], body["company"]) == ("van der Berg", "Anna Maria", 2)
    assert body["is_contact"]


def test_a_contact_that_changes_its_company_has_another_version(wire: Wire) -> None:
    wire.says(READ, [contact()], [contact(**{"relations.": [{**EMPLOYMENT, "to": 3}]})])
    erp = adapter()

    before, after = (erp.scan(CONTACTS, None).remotes[0] for _ in range(2))

    assert before.version != after.version


def test_a_changed_first_name_keeps_the_last_one(wire: Wire) -> None:
    wire.says(READ, [contact()])
    wire.says(WRITE, None)

    adapter().update(CONTACTS, [Patch("key-7", "7", None, {"first_name": "Eva", "company": 5})])

    assert wire.calls(WRITE)[0][1] == {"name": "van der Berg, Eva", "relations": [["write", [8], {"to": 5}]]}


def test_a_last_name_with_a_comma_is_refused(wire: Wire) -> None:
    wire.says(CREATE, [7])
    wire.says(READ, [contact()])
    drafts = [Draft(name, {"last_name": name, "first_name": "Anna"}) for name in ("Berg, van der", "van der Berg")]

    refused, made = adapter().create(CONTACTS, drafts)

    assert isinstance(refused.error, Rejected)
    assert (refused.error.field, made.id) == ("last_name", "7")
