"""The rules that the next boot will load: which services load what, in which order, and what it does to the flows.

The live rules of the machine that an image is made on are not those that a VM made of it will have: what counts is
what is saved, and only if the service that loads it is really enabled. All of that is in files, so it can be told of a
mounted image too. What is found is loaded into a throwaway network namespace as the boot would load it, and the flows
are really tried there.
"""
