"""A Singer tap that reads the CRM's accounts, made with the Singer SDK as its own documentation makes one.

python singer_tap.py --config CONFIG | python singer_target.py --config CONFIG
"""

from typing import ClassVar

from singer_sdk import RESTStream, Tap, typing as th
from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.pagination import JSONPathPaginator

PAGE = 1000
NAMES = "id createdAt modifiedAt modifiedBy externalId name vatId email phone website currency paymentTerms"
TEXTS = (*NAMES.split(), "status", "relationship", "notes", "erpNumber", "primaryContactId")
ADDRESS = th.ObjectType(*(th.Property(name, th.StringType) for name in ("street", "postalCode", "city", "country")))


class ClientCredentials(OAuthAuthenticator):
    """Signs in as the CRM asks for it."""

    @property
    def oauth_request_body(self):
        """The form that is sent for a token."""
        return {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-secret"}


class Accounts(RESTStream):
    """The CRM's accounts, page by page."""

    name = "accounts"
    path = "/api/v1/accounts"
    primary_keys = ("id",)
    records_jsonpath = "$.records[*]"
    schema: ClassVar[dict] = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in TEXTS),
        th.Property("version", th.IntegerType),
        th.Property("creditLimit", th.NumberType),
        th.Property("creditHold", th.BooleanType),
        th.Property("billingAddress", ADDRESS),
        th.Property("shippingAddress", ADDRESS),
        th.Property("customFields", th.ObjectType(additional_properties=True)),
    ).to_dict()

    @property
    def url_base(self):
        """Where the CRM answers."""
        return self.config["crm"]

    @property
    def authenticator(self):
        """One for the whole run."""
        if not hasattr(self, "_signed_in"):
            self._signed_in = ClientCredentials(self, auth_endpoint=f"{self.config['crm']}/oauth/token")
        return self._signed_in

    def get_new_paginator(self):
        """The CRM tells where the next page begins."""
        return JSONPathPaginator("$.nextCursor")

    def get_url_params(self, _context, next_page_token):
        """One page."""
        return {"limit": PAGE} | ({"cursor": next_page_token} if next_page_token else {})


class TapCrm(Tap):
    """The tap."""

    name = "tap-crm"
    config_jsonschema = th.PropertiesList(th.Property("crm", th.StringType, required=True)).to_dict()

    def discover_streams(self):
        """There is one."""
        return [Accounts(self)]


if __name__ == "__main__":
    TapCrm.cli()
