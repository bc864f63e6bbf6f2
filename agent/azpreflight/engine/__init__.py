"""Gather the facts, assess them, name the causes; compare with an earlier report, or across machines."""
