"""Tryton 8: its JSON-RPC, its models as resources, and how children, workflows and warnings are dealt with."""
