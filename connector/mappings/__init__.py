"""Translate: between a system's wire form and canonical records."""
