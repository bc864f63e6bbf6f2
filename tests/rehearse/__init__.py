"""Whole images, rehearsed."""
