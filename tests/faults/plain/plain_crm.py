"""A system as an installed package brings it: the reference CRM without external ids, so a create leaves no trace.

Product codes are still unique there, by the server; of accounts nothing is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.adapters.reference_crm import ReferenceCrm, connect as connect_reference
from connector.records import Draft, Outcome, Resource
from connector.systems import SystemKind, find


class PlainCrm(ReferenceCrm):
    """Sends no external ids, and says so."""

    @override
    def capabilities(self, resource: str) -> Capabilities:
        told = super().capabilities(resource)
        unique = tuple(name for name in told.unique_fields if name != told.marker_field)
        return replace(told, marker_field=None, marker_unique=False, unique_fields=unique)

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return super().create(resource, [draft._replace(marker=None) for draft in drafts])


def connect(settings: Mapping[str, Any]) -> PlainCrm:
    """The adapter, connected as the reference CRM's own is."""
    return PlainCrm(connect_reference(settings)._client)


KIND: SystemKind = find("reference-crm")._replace(name="plain-crm", title="Plain CRM", connect=connect)
