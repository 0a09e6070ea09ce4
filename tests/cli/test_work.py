"""The daily work at the command line, on two live systems: look, write, decide, release, ask why."""

import itertools
import re
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.systems import Systems

Pair = tuple[str, str]
PENDING = {2, 3}
"""Changes are pending; 3 where a record of another test waits for a person besides, which wins."""
WENT_THROUGH = {0, 3}
"""A run that came to its end; 3 likewise."""
_numbers = itertools.count(10_000)


def customer(systems: Systems) -> tuple[str, str]:
    """The same customer, entered by two people in two systems; their ids."""
    number = next(_numbers)
    known = {"name": f"Nordwind {number} GmbH", "email": f"office{number}@nordwind.example"}
    account = systems.crm.create("accounts", **known)
    partner = systems.erp.create("partners", **known, is_company=True)
    return account["id"], str(partner["id"])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, reference_systems: Systems) -> tuple[Terminal, Iterator[Pair]]:
    """A terminal whose store has synced once, and customers that it has linked, one for each test."""
    terminal = Terminal(tmp_path_factory.mktemp("office"))
    reference_systems.write_config(terminal.folder)
    pairs = [customer(reference_systems) for _ in range(20)]
    answer = terminal("sync")
    assert answer.code in WENT_THROUGH, answer.err
    return terminal, iter(pairs)


@pytest.fixture
def office(desk: tuple[Terminal, Iterator[Pair]]) -> Terminal:
    """The terminal that these tests share; each works on records of its own."""
    return desk[0]


@pytest.fixture
def linked(desk: tuple[Terminal, Iterator[Pair]]) -> Pair:
    """A customer that a sync has linked; its ids."""
    return next(desk[1])


@pytest.fixture
def contested(office: Terminal, linked: Pair, reference_systems: Systems) -> dict[str, Any]:
    """The conflict over a phone number that two people changed apart."""
    crm_id, erp_id = linked
    reference_systems.crm.change("accounts", crm_id, phone="+49 30 111111")
    reference_systems.erp.change("partners", erp_id, phone="+49 30 222222")
    assert office("sync").code == 3
    return next(one for one in office.json("conflicts", "list") if one["crm_id"] == crm_id)


def test_match_counts_and_writes_nothing(live: Terminal, reference_systems: Systems) -> None:
    customer(reference_systems)
    before = reference_systems.crm.stats()["writes"], reference_systems.erp.stats()["writes"]

    answer = live.json("match", "-e", "customer")

    (found,) = answer["entities"]
    assert found["would_link"] >= 1
    assert {"kind", "record", "others", "why"} == found["examples"][0].keys()
    assert (reference_systems.crm.stats()["writes"], reference_systems.erp.stats()["writes"]) == before


def test_match_names_the_rivals_of_an_ambiguous_record(live: Terminal, reference_systems: Systems) -> None:
    number = next(_numbers)
    crm = reference_systems.crm.create("accounts", name=f"Twin {number}", vatId=f"X{number}")
    for place in "AB":
        partner = {"name": f"Twin {number} {place}", "vat": f"X{number}", "email": f"{place}{number}@twin.example"}
        reference_systems.erp.create("partners", is_company=True, **partner)

    answer = live("match", "-e", "customer")

    assert answer.code == 3
    assert re.search(f"crm:{crm['id']} Twin {number}: .*Twin {number} A or .*Twin {number} B", answer.out)


def test_plan_shows_what_sync_would_write_and_ends_with_2(
    office: Terminal, linked: Pair, reference_systems: Systems
) -> None:
    reference_systems.crm.change("accounts", linked[0], website="https://new.example")

    answer = office("plan", "-e", "customer")

    assert answer.code in PENDING
    row = next(line for line in answer.out.splitlines() if "website" in line)
    assert f"erp:{linked[1]}" in row
    assert reference_systems.erp.read("partners", linked[1])["website"] != "https://new.example"


def test_a_plan_file_is_private_and_apply_writes_exactly_it(
    office: Terminal, linked: Pair, reference_systems: Systems
) -> None:
    reference_systems.crm.change("accounts", linked[0], website="https://planned.example")
    plan = office.json("plan", "-e", "customer", "-o", "plan.json")
    mine = [one["new"] for one in plan["operations"] if one["target"] == linked[1]]
    assert mine == [{"website": "https://planned.example"}]
    assert stat.S_IMODE((office.folder / "plan.json").stat().st_mode) == 0o600

    answer = office.json("apply", "plan.json")

    assert (answer["writes"], answer["replanned"]) == (len(plan["operations"]), [])
    assert reference_systems.erp.read("partners", linked[1])["website"] == "https://planned.example"


def test_apply_leaves_alone_what_moved_since_it_was_planned(
    office: Terminal, linked: Pair, reference_systems: Systems
) -> None:
    reference_systems.crm.change("accounts", linked[0], website="https://planned.example")
    office("plan", "-e", "customer", "-o", "plan.json")
    reference_systems.crm.change("accounts", linked[0], website="https://moved.example")

    answer = office("apply", "plan.json")

    assert answer.code in PENDING
    assert f"Moved since it was planned, not written: customer erp:{linked[1]}" in answer.out


def test_a_second_sync_writes_nothing(office: Terminal) -> None:
    office("sync")

    answer = office.json("sync")

    assert answer["writes"] == 0


def test_sync_shows_a_table_that_fits_100_columns(office: Terminal) -> None:
    answer = office("sync")

    assert "stock_adjustment" in answer.out
    assert max(len(line) for line in answer.out.splitlines()) <= 100


def test_after_a_good_sync_status_is_clean_or_names_what_is_open(office: Terminal) -> None:
    status = office.json("status")

    assert status["exit"] in WENT_THROUGH
    assert not status["stale"]
    assert next(one for one in status["entities"] if one["entity"] == "customer")["links"] >= 1


def test_status_is_stale_when_the_last_sync_is_too_old(office: Terminal) -> None:
    assert office("status", "--stale", "0s").code == 5


def test_conflicts_are_listed_without_a_persons_data(office: Terminal, contested: dict[str, Any]) -> None:
    answer = office("conflicts", "list")

    assert answer.code == 3
    assert "***" in answer.out
    assert "111111" not in answer.out + answer.err


def test_a_conflict_shows_both_values_and_bases(office: Terminal, contested: dict[str, Any]) -> None:
    shown = office.json("conflicts", "show", str(contested["id"]))

    assert "111111" in shown["crm_value"]["phone"].replace(" ", "")
    assert "222222" in shown["erp_value"]["phone"]
    assert shown["crm_base"] == {"phone": None}


def test_a_resolved_conflict_is_written_by_the_next_sync(
    office: Terminal, linked: Pair, contested: dict[str, Any], reference_systems: Systems
) -> None:
    answer = office.ok("conflicts", "resolve", str(contested["id"]), "--take", "crm")
    assert "connector sync" in answer.out

    office("sync")

    assert reference_systems.erp.read("partners", linked[1])["phone"] == "+4930111111"
    assert office.json("conflicts", "show", str(contested["id"]))["status"] == "closed"


def test_a_conflict_can_be_resolved_at_once(
    office: Terminal, linked: Pair, contested: dict[str, Any], reference_systems: Systems
) -> None:
    office("conflicts", "resolve", str(contested["id"]), "--take", "erp", "--now")

    assert reference_systems.crm.read("accounts", linked[0])["phone"].replace(" ", "") == "+4930222222"


def test_explain_tells_the_story_without_a_persons_data(
    office: Terminal, linked: Pair, contested: dict[str, Any]
) -> None:
    answer = office.ok("explain", "customer", linked[0])

    assert re.search(rf"linked: crm:{linked[0]} is erp:{linked[1]}", answer.out)
    assert f"Conflict {contested['id']} over phone is open" in answer.out
    assert "nordwind.example" not in answer.out


def test_explain_names_operations_and_takes_the_erps_id(
    office: Terminal, linked: Pair, reference_systems: Systems
) -> None:
    reference_systems.crm.change("accounts", linked[0], website="https://why.example")
    office("sync")

    story = office.json("explain", "customer", linked[1], "--side", "erp")

    written = [one for one in story["moments"] if one["kind"] == "operation" and "website" in one["new"]]
    assert [(one["state"], one["new"]["website"]) for one in written] == [("done", "https://why.example")]
    assert written[0]["run"]
    assert story["ids"] == {"crm": linked[0], "erp": linked[1]}


def test_links_are_shown_with_both_bases(office: Terminal, linked: Pair) -> None:
    shown = office.json("links", "show", "customer", linked[0])

    assert shown["erp_id"] == linked[1]
    assert shown["bases"]["crm"]["email"] == "***"


def test_a_linked_record_is_not_linked_again(office: Terminal, linked: Pair, reference_systems: Systems) -> None:
    other = reference_systems.erp.create("partners", is_company=True, name="Somebody else", email="else@else.example")

    answer = office("links", "add", "customer", "--crm", linked[0], "--erp", str(other["id"]))

    assert answer.code == 64
    assert "linked already" in answer.err


def test_a_record_that_is_not_there_is_not_linked(live: Terminal, reference_systems: Systems) -> None:
    crm_id, _ = customer(reference_systems)

    answer = live("links", "add", "customer", "--crm", crm_id, "--erp", "99999999")

    assert answer.code == 64
    assert "the erp does not show this record" in answer.err


def test_a_person_settles_an_ambiguous_match_with_links_add(office: Terminal, reference_systems: Systems) -> None:
    number = next(_numbers)
    account = reference_systems.crm.create("accounts", name=f"Pair {number}", vatId=f"Y{number}")
    partners = [
        reference_systems.erp.create("partners", is_company=True, name=f"Pair {number} {place}", vat=f"Y{number}")
        for place in "AB"
    ]
    office("sync")
    ambiguous = [one for one in office.json("problems", "list") if one["record"] == account["id"]]
    assert [one["cause"] for one in ambiguous] == ["ambiguous"]

    office.ok("links", "add", "customer", "--crm", account["id"], "--erp", str(partners[0]["id"]))
    office("sync")

    assert [one for one in office.json("problems", "list") if one["record"] == account["id"]] == []
    assert office.json("explain", "customer", account["id"])["link"]["status"] == "active"


def test_problems_are_dismissed_and_retried_by_number(office: Terminal, reference_systems: Systems) -> None:
    number = next(_numbers)
    account = reference_systems.crm.create("accounts", name=f"Trio {number}", vatId=f"Z{number}")
    for place in "AB":
        reference_systems.erp.create("partners", is_company=True, name=f"Trio {number} {place}", vat=f"Z{number}")
    office("sync")
    (problem,) = [one for one in office.json("problems", "list") if one["record"] == account["id"]]
    assert "connector links add" in office.ok("problems", "show", str(problem["id"])).out

    office.ok("problems", "retry", str(problem["id"]))
    office("sync")
    (again,) = [one for one in office.json("problems", "list") if one["record"] == account["id"]]
    office.ok("problems", "dismiss", str(again["id"]))

    assert [one for one in office.json("problems", "list") if one["record"] == account["id"]] == []


def test_an_unlinked_pair_has_no_link_any_more(office: Terminal, linked: Pair) -> None:
    office.ok("links", "remove", "customer", linked[0])

    assert office("links", "show", "customer", linked[0]).code == 64
    assert "removed by" in office.ok("explain", "customer", linked[0]).out


def test_a_rewound_cursor_reads_again_and_writes_nothing(office: Terminal) -> None:
    office("sync")
    office.ok("cursor", "rewind", "customer", "--side", "crm")
    (position,) = [one for one in office.json("cursor", "show", "customer") if one["side"] == "crm"]
    assert position["cursor"] is None

    answer = office.json("sync")

    read = next(one["read"] for one in answer["entities"] if one["entity"] == "customer")
    assert read["crm"] >= 1
    assert answer["writes"] == 0


def test_verify_finds_both_sides_equal_after_a_sync(live: Terminal) -> None:
    live("sync")

    answer = live.json("verify", "-e", "customer")

    assert answer["exit"] in WENT_THROUGH
    assert answer["entities"][0]["pairs"] >= 1
    assert answer["entities"][0]["unexplained"] == 0


def test_mass_deletes_are_held_until_each_is_approved(live: Terminal, reference_systems: Systems) -> None:
    live.config(reference_systems.config(live.folder / "state.db", "entities: {customer: {guard: {deletes: 1}}}\n"))
    pairs = [customer(reference_systems) for _ in range(3)]
    live("sync")
    for crm_id, _ in pairs:
        reference_systems.crm.delete("accounts", crm_id)

    halted = live("sync")
    held = live.json("approve", "customer")
    live.ok("approve", "customer", str(pairs[0][1]))
    live("sync")

    assert halted.code == 5
    assert "connector approve customer" in halted.out
    assert {one["target"] for one in held} == {str(erp_id) for _, erp_id in pairs}
    active = [reference_systems.erp.read("partners", str(erp_id))["active"] for _, erp_id in pairs]
    assert active == [False, True, True]


def test_a_mapping_is_shown_side_by_side(live: Terminal) -> None:
    lines = live.json("mappings", "show", "customer")

    phone = next(one for one in lines if one["field"] == "phone")
    assert (phone["crm"], phone["erp"]) == ("phone", "phone")


def test_the_bundled_mappings_keep_their_laws(live: Terminal) -> None:
    assert live.json("mappings", "check")["exit"] == 0


def test_another_tenant_behind_the_address_stops_everything(
    live: Terminal, reference_systems: Systems, own_systems: Systems
) -> None:
    live("sync", "-e", "product")
    live.config(own_systems.config(live.folder / "state.db"))

    halted = live("sync")
    checked = live.json("check")

    assert halted.code == 5
    assert "nothing was read or written" in halted.err
    assert [one["where"] for one in checked["findings"] if one["severity"] == "error"] == ["crm", "erp"]


TIER = """\
entities: {customer: {fields: {tier: {type: choice, choices: [bronze, silver]}}}}
mappings:
  crm: {customer: {tier: {path: customFields.tier, values: {bronze: B, silver: S}}}}
  erp: {customer: {tier: {path: x_tier, values: {bronze: B, silver: S}}}}
"""


def test_a_record_that_cannot_be_translated_fails_alone_until_it_is_corrected(
    live: Terminal, reference_systems: Systems
) -> None:
    live.config(reference_systems.config(live.folder / "state.db", TIER))
    name = f"Tiered {next(_numbers)}"
    account = reference_systems.crm.create("accounts", name=name, customFields={"tier": "PLATINUM"})

    failed = live("sync", "-e", "customer")
    (problem,) = [one for one in live.json("problems", "list", "customer") if one["record"] == account["id"]]
    reference_systems.crm.change("accounts", account["id"], customFields={"tier": "S"})
    live.ok("problems", "retry", str(problem["id"]))
    mended = live("sync", "-e", "customer")

    assert failed.code == 4
    assert "connector problems list" in failed.out
    assert (problem["cause"], problem["field"]) == ("mapping_failed", "tier")
    assert mended.code in WENT_THROUGH
    assert [one["x_tier"] for one in reference_systems.erp.listed("partners", name=name)] == ["S"]


def test_a_plan_larger_than_a_chunk_names_every_operation_once(live: Terminal, reference_systems: Systems) -> None:
    live.config(reference_systems.config(live.folder / "state.db", "sync: {chunk: 7}\n"))
    whole = Terminal(live.folder / "whole")
    whole.folder.mkdir()
    reference_systems.write_config(whole.folder)

    small, large = live.json("plan"), whole.json("plan")

    assert small["report"]["halted"] == []
    assert small["report"]["pending"] == large["report"]["pending"]
