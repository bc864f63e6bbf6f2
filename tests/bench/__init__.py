"""How long azpreflight takes and how much memory, beside things to compare it with."""
