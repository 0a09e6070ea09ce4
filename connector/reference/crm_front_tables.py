"""The CRM's collections of the front office, as data: who might buy, what was offered, what was said and what broke."""

from dataclasses import replace

from connector.reference.crm_fields import ADDRESS, CURRENCY, EMAIL, LINE, PHONE, SYNC, TEXT, collection
from connector.reference.fields import Field, Kind
from connector.reference.normal import key, trimmed

LEAD_STATES = ("NEW", "CONTACTED", "QUALIFIED", "CONVERTED", "DISQUALIFIED")
CAMPAIGN_STATES = ("PLANNED", "ACTIVE", "COMPLETED", "CANCELLED")
MEMBER_STATES = ("PLANNED", "SENT", "RESPONDED")
OPPORTUNITY_STAGES = ("PROSPECTING", "PROPOSAL", "NEGOTIATION", "WON", "LOST")
ACTIVITY_KINDS = ("CALL", "EMAIL", "MEETING", "TASK", "NOTE", "BACK_OFFICE")
EVENTS = (
    "RECEIVED",
    "STARTED",
    "DONE",
    "REFUSED",
    "OPENED",
    "COMPLETED",
    "SHIPPED",
    "INVOICED",
    "CREDITED",
    "OVERDUE",
    "PART_PAID",
    "PAID",
)
CASE_STATES = ("NEW", "OPEN", "WAITING", "RESOLVED", "CLOSED")
PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")
SERVICE_KINDS = ("REPAIR", "RETURN")
SERVICE_STATES = ("REQUESTED", "RECEIVED", "IN_WORK", "DONE", "REFUSED", "CANCELLED")
OUTCOMES = ("REPAIRED", "REPLACED", "RESTOCKED", "SCRAPPED")
PROJECT_STATES = ("PLANNED", "RUNNING", "COMPLETED", "CANCELLED")

TITLE = Field(name="title", normal=trimmed, longest=200)
SHORT = Field(name="short", normal=trimmed, longest=40)
AMOUNT = Field(name="amount", kind=Kind.NUMBER)
ACCOUNT = Field(name="accountId", kind=Kind.REFERENCE, target="accounts", required=True, indexed=True)
CONTACT = Field(name="contactId", kind=Kind.REFERENCE, target="contacts")
CAMPAIGN = Field(name="campaignId", kind=Kind.REFERENCE, target="campaigns", indexed=True)


def _day(name: str) -> Field:
    return Field(name=name, kind=Kind.DATE)


def _choice(name: str, choices: tuple[str, ...], default: str | None = None) -> Field:
    return Field(name=name, kind=Kind.CHOICE, choices=choices, default=default)


CAMPAIGNS = collection(
    "campaigns",
    "cam-",
    "What marketing does to find customers.",
    replace(TITLE, name="name", required=True, indexed=True),
    _choice("kind", ("FAIR", "MAILING", "WEBINAR", "ADVERTISING", "OTHER")),
    _choice("status", CAMPAIGN_STATES, "PLANNED"),
    _day("startsOn"),
    _day("endsOn"),
    replace(AMOUNT, name="budget"),
    CURRENCY,
    replace(TEXT, name="description"),
)

LEADS = collection(
    "leads",
    "lea-",
    "Who might become a customer.",
    replace(TITLE, name="company", longest=120),
    Field(name="firstName", normal=trimmed, longest=80),
    Field(name="lastName", normal=trimmed, longest=80, required=True),
    EMAIL,
    PHONE,
    replace(TITLE, name="jobTitle", longest=120),
    Field(name="vatId", normal=trimmed, longest=20),
    Field(name="address", kind=Kind.OBJECT, fields=ADDRESS),
    CURRENCY,
    _choice("source", ("WEB", "FAIR", "REFERRAL", "CAMPAIGN", "OTHER")),
    replace(_choice("status", LEAD_STATES, "NEW"), indexed=True),
    CAMPAIGN,
    replace(TEXT, name="notes"),
    Field(name="convertedAccountId", kind=Kind.REFERENCE, target="accounts", read_only=True),
    Field(name="convertedContactId", kind=Kind.REFERENCE, target="contacts", read_only=True),
    replace(_day("convertedOn"), read_only=True),
    actions=("convert",),
)

CAMPAIGN_MEMBERS = collection(
    "campaign-members",
    "mem-",
    "Whom a campaign is for: a lead, or somebody who works for a customer.",
    replace(CAMPAIGN, required=True),
    Field(name="leadId", kind=Kind.REFERENCE, target="leads", indexed=True),
    replace(CONTACT, indexed=True),
    _choice("status", MEMBER_STATES, "PLANNED"),
    _day("respondedOn"),
)

OPPORTUNITIES = collection(
    "opportunities",
    "opp-",
    "What customers may buy.",
    replace(TITLE, name="name", required=True),
    ACCOUNT,
    CONTACT,
    CAMPAIGN,
    replace(_choice("stage", OPPORTUNITY_STAGES, "PROSPECTING"), indexed=True),
    replace(AMOUNT, name="probability"),
    _day("closesOn"),
    CURRENCY,
    Field(name="lines", kind=Kind.LINES, fields=LINE),
    replace(AMOUNT, read_only=True),
    replace(TITLE, name="lostReason"),
    Field(name="orderId", kind=Kind.REFERENCE, target="orders", read_only=True),
    actions=("win",),
)

ACTIVITIES = collection(
    "activities",
    "act-",
    "What happened with a customer, and what is to be done: the timeline.",
    ACCOUNT,
    CONTACT,
    replace(_choice("kind", ACTIVITY_KINDS, "NOTE"), indexed=True),
    _choice("status", ("OPEN", "DONE"), "OPEN"),
    replace(TITLE, name="subject", required=True),
    replace(TEXT, name="body"),
    _day("happenedOn"),
    _choice("event", EVENTS),
    replace(SHORT, name="document", indexed=True),
    Field(name="reference", normal=key, longest=80, unique=True),
    AMOUNT,
    CURRENCY,
)

CASES = collection(
    "cases",
    "cas-",
    "What customers complain of or ask for.",
    Field(name="caseNumber", normal=key, longest=40, fixed=True, unique=True),
    ACCOUNT,
    CONTACT,
    replace(TITLE, name="subject", required=True),
    replace(TEXT, name="description"),
    replace(_choice("status", CASE_STATES, "NEW"), indexed=True),
    _choice("priority", PRIORITIES, "NORMAL"),
    Field(name="productId", kind=Kind.REFERENCE, target="products"),
    replace(SHORT, name="serialNumber"),
    replace(AMOUNT, name="quantity"),
    replace(_choice("serviceKind", SERVICE_KINDS), indexed=True),
    _choice("serviceStatus", SERVICE_STATES),
    replace(SHORT, name="serviceNumber", indexed=True),
    _choice("outcome", OUTCOMES),
    replace(TEXT, name="outcomeNote"),
    replace(AMOUNT, name="charge"),
    CURRENCY,
    *SYNC,
)

PROJECTS = collection(
    "projects",
    "prj-",
    "What is being done for a customer who bought more than goods, as the ERP says.",
    replace(SHORT, name="projectNumber", required=True, indexed=True),
    ACCOUNT,
    Field(name="orderId", kind=Kind.REFERENCE, target="orders"),
    replace(TITLE, name="name", required=True),
    _choice("status", PROJECT_STATES),
    _day("startsOn"),
    _day("endsOn"),
    replace(AMOUNT, name="progress"),
)

FRONT = (CAMPAIGNS, LEADS, CAMPAIGN_MEMBERS, OPPORTUNITIES, ACTIVITIES, CASES, PROJECTS)
"""The collections of the front office."""
