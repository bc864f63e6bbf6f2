"""Random states of the stand-in: one or two faults, or harmless variations, drawn from tables by a seed."""
