"""What every action makes of a sales order, and how to bring one into every state."""

LEADS = {
    "draft": {"confirm": "confirmed", "refuse": "refused", "cancel": "cancelled"},
    "on_hold": {
        "release": "confirmed",
        "refuse": "refused",
        "reopen": "draft",
        "request_cancel": "cancel_requested",
        "cancel": "cancelled",
    },
    "confirmed": {
        "hold": "on_hold",
        "reopen": "draft",
        "request_cancel": "cancel_requested",
        "cancel": "cancelled",
        "ship a part": "partially_shipped",
        "ship": "shipped",
    },
    "refused": {"reopen": "draft", "cancel": "cancelled"},
    "cancel_requested": {"deny_cancel": "confirmed", "cancel": "cancelled"},
    "partially_shipped": {
        "split": "partially_shipped",
        "drop_rest": "shipped",
        "bill": "partially_shipped",
        "ship a part": "partially_shipped",
        "ship": "shipped",
    },
    "shipped": {"bill": "invoiced"},
    "invoiced": {"pay": "paid"},
    "paid": {"close": "closed"},
    "closed": {},
    "cancelled": {},
}
SAME = {("on_hold", "confirm"), ("confirmed", "confirm"), ("confirmed", "release"), ("on_hold", "hold")} | {
    ("draft", "reopen"),
    ("refused", "refuse"),
    ("cancel_requested", "request_cancel"),
    ("cancelled", "cancel"),
    ("shipped", "drop_rest"),
    ("closed", "close"),
}
"""Actions on what is there already, which change nothing."""

DOCUMENTS = ("ship a part", "ship", "bill", "pay")
"""What documents of their own do, and no action on the order itself."""

WAYS = {
    "draft": (),
    "on_hold": ("confirm", "hold"),
    "confirmed": ("confirm",),
    "refused": ("refuse",),
    "cancel_requested": ("confirm", "request_cancel"),
    "partially_shipped": ("confirm", "ship a part"),
    "shipped": ("confirm", "ship"),
    "invoiced": ("confirm", "ship", "bill"),
    "paid": ("confirm", "ship", "bill", "pay"),
    "closed": ("confirm", "ship", "bill", "pay", "close"),
    "cancelled": ("cancel",),
}
