"""Tests of azpreflight.rehearse."""
