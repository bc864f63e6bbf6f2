"""What the first boot of a VM means over time: when a verdict is worth saying, and what was reached when. Pure."""
