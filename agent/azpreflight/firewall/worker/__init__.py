"""The rehearsal worker: a program of its own, standard library only, that never touches the namespace it starts in.

It makes two network namespaces, one that stands for the guest and one for everything around it, loads a copy of the
rules into the first, tries the flows, and says what it saw. Its death, of whatever kind, removes everything.
"""
