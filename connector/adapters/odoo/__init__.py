"""Odoo: 19 by JSON-2 with an API key, older ones by JSON-RPC; as the ERP or as the CRM."""
