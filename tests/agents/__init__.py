"""Tests with the real agents of Debian in scratch roots of their own."""
