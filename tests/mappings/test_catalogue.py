"""The entities in force: the catalogue with changes, checked and ordered."""

import pytest

from connector.documents import load_document
from connector.entities import Guard, Policy
from connector.errors import ConfigError
from connector.mappings.catalogue import load_entities
from connector.mappings.model import Origin


def issues(text: str) -> list[str]:
    document = load_document(f"entities:\n{text}", "connector.yaml")
    with pytest.raises(ConfigError) as caught:
        load_entities(document.data["entities"], origin=Origin(document, ("entities",)))
    return [f"{issue.line}: {issue.path.removeprefix('entities.')}: {issue.message}" for issue in caught.value.issues]


def test_parents_come_first() -> None:
    nouns = ["customer", "contact", "product", "stock_adjustment", "order", "stock"]
    documents = ["shipment", "return", "invoice", "payment", "balance"]
    assert list(load_entities()) == [*nouns, *documents, "service_order", "project", "activity"]


def test_a_parent_that_is_declared_later_still_comes_first() -> None:
    ticket = {"fields": {"project": {"type": "ref", "entity": "project"}}}

    names = list(load_entities({"ticket": ticket, "project": {"fields": {"name": {}}}}))

    assert names.index("project") < names.index("ticket")


def test_changes_are_laid_over_the_catalogue() -> None:
    entities = load_entities(
        {
            "customer": {"fields": {"notes": {"policy": "newest"}, "website": None}, "guard": {"deletes": 5}},
            "stock": None,
        }
    )

    customer = entities["customer"]
    assert (customer.fields["notes"].policy, customer.fields["notes"].personal) == (Policy.NEWEST, True)
    assert "website" not in customer.fields
    assert customer.guard.deletes == 5
    assert "stock" not in entities


def test_a_common_guard_serves_entities_that_declare_none() -> None:
    entities = load_entities(guard=Guard(deletes=3, changes=7))

    assert entities["customer"].guard == Guard(deletes=3, changes=7)
    assert entities["stock"].guard.changes == 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  order: 7", "2: order: must be a table with `fields:`", id="no table"),
        pytest.param(
            "  customer: {feilds: {}}", '2: customer.feilds: unknown key; did you mean "fields"?', id="an unknown key"
        ),
        pytest.param(
            "  customer:\n    match: [{fields: [tax]}]",
            '3: customer.match: customer has no field tax; did you mean "tax_id"?',
            id="match",
        ),
        pytest.param(
            "  order:\n    lock: {field: status, states: [sent], owner: erp}",
            "3: order.lock: status has no choice sent",
            id="a lock on an unknown state",
        ),
        pytest.param(
            "  order:\n    create_when: {status: [submited]}",
            '3: order.create_when: status has no choice submited; did you mean "submitted"?',
            id="a filter on an unknown choice",
        ),
        pytest.param(
            "  customer:\n    create_unless: {relationship: [prospct]}",
            '3: customer.create_unless: relationship has no choice prospct; did you mean "prospect"?',
            id="an exception on an unknown choice",
        ),
        pytest.param(
            "  contact:\n    follows: custmer",
            '3: contact.follows: contact has no field custmer; did you mean "customer"?',
            id="following what is not there",
        ),
        pytest.param(
            "  order:\n    lifecycle: {draft: [gone]}",
            "3: order.lifecycle: status has no choice gone",
            id="a lifecycle to an unknown state",
        ),
        pytest.param(
            "  order:\n    locked_fields: [line]",
            '3: order.locked_fields: order has no field line; did you mean "lines"?',
            id="a locked field that is not there",
        ),
        pytest.param(
            "  customer:\n    fields:\n      tier: {type: choice}",
            "4: customer.fields.tier: a choice needs `choices:`",
            id="a choice without choices",
        ),
        pytest.param(
            "  customer:\n    fields:\n      agent: {type: ref}",
            "4: customer.fields.agent.entity: a ref needs `entity:`, what it points to",
            id="a ref to nothing",
        ),
        pytest.param(
            "  customer:\n    fields:\n      agent: {type: ref, entity: contcat}",
            '4: customer.fields.agent.entity: there is no entity contcat; did you mean "contact"?',
            id="a ref to an unknown entity",
        ),
        pytest.param(
            "  customer:\n    fields:\n      notes: {policy: delta}",
            "4: customer.fields.notes.policy: delta is for a decimal or integer, not a text",
            id="a delta of texts",
        ),
        pytest.param(
            "  customer:\n    fields:\n      notes: {policy: union}",
            "4: customer.fields.notes.policy: union is for a set, not a text",
            id="a union of texts",
        ),
        pytest.param(
            "  customer:\n    fields:\n      status: {policy: lifecycle}",
            "4: customer.fields.status.policy: say under `lifecycle:` which state may follow which",
            id="a lifecycle that is not declared",
        ),
        pytest.param(
            "  customer:\n    fields:\n      sites: {type: parts}",
            "4: customer.fields.sites: say under `fields:` what each part holds",
            id="parts of nothing",
        ),
        pytest.param(
            "  order:\n    fields:\n      lines:\n        fields:\n          id: {}",
            "6: order.fields.lines.fields.id: a part's own id needs no field; call this one differently",
            id="a part's own id",
        ),
        pytest.param(
            "  order:\n    fields:\n      lines:\n        fields:\n          more: {type: parts}",
            "6: order.fields.lines.fields.more.type: parts within parts are not supported",
            id="parts within parts",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, expected: str) -> None:
    assert expected in issues(text)


def test_removing_an_entity_that_others_refer_to_is_told() -> None:
    assert any("there is no entity product" in issue for issue in issues("  product: null"))


def test_entities_that_wait_for_each_other_are_refused() -> None:
    text = "  customer:\n    fields:\n      primary_contact: {deferred: false}"

    (issue,) = issues(text)

    assert issue.startswith("2: customer: customer, contact")
    assert issue.endswith("wait for each other; make one of the references `deferred: true`")
