"""The servers of the stand-in: its sockets, and the program that opens them. What they say is said beside, purely."""
