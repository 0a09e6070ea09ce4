"""Decide: pure functions from values to plans."""
