"""Keeps a CRM and an ERP telling one story, in both directions."""
