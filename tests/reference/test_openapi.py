"""The OpenAPI documents say what the servers do: calls made from them never break a server, and answers fit them."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from connector.reference.crm_front_tables import FRONT
from connector.reference.crm_openapi import describe as describe_crm
from connector.reference.crm_tables import COLLECTIONS
from connector.reference.erp_openapi import describe as describe_erp
from connector.reference.erp_service_tables import SERVICE
from connector.reference.erp_tables import RESOURCES
from tests.systems import System

EXAMPLES = 3
DOCUMENTS = {"crm": describe_crm("/api/v1", COLLECTIONS), "erp": describe_erp("/api", RESOURCES)}
CALLS = {
    kind: [(path, method) for path, calls in document["paths"].items() for method in calls]
    for kind, document in DOCUMENTS.items()
}
LATER = {each.name for each in (*FRONT, *SERVICE)}
"""Their lists, looks and batches are the same code as the others': only what they are given is their own."""


def their_own(kind: str) -> list[tuple[str, str]]:
    """The calls worth making: all of some collections, of the others those that make a record or act on one."""
    return [
        (path, method)
        for path, method in CALLS[kind]
        if LATER.isdisjoint(path.split("/"))
        or (method == "post" and path.rpartition("/")[2] not in {"batch", "bulk", "read"})
    ]


def test_the_documents_are_served(crm: System, erp: System) -> None:
    for system, described in ((crm, CALLS["crm"]), (erp, CALLS["erp"])):
        document = system.session.get(f"{system.url}/openapi.json", timeout=10).json()
        assert [(path, method) for path, calls in document["paths"].items() for method in calls] == described


def hold_to_its_document(system: System, path: str, method: str) -> None:
    """A few calls made up from the document: no server error, and an answer that the document knows."""
    schema = schemathesis.openapi.from_url(f"{system.url}/openapi.json")

    @given(case=schema[path][method.upper()].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any) -> None:
        answer = case.call(base_url=system.url, session=system.session, timeout=30)
        checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
        case.validate_response(answer, checks=checks)

    call()


@pytest.mark.parametrize(("path", "method"), their_own("crm"))
def test_the_crm_keeps_to_its_document(crm: System, path: str, method: str) -> None:
    hold_to_its_document(crm, path, method)


@pytest.mark.parametrize(("path", "method"), their_own("erp"))
def test_the_erp_keeps_to_its_document(erp: System, path: str, method: str) -> None:
    hold_to_its_document(erp, path, method)
