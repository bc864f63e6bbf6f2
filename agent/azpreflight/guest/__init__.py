"""Readers of the guest's files, one a file or format, without an opinion on what they find."""
