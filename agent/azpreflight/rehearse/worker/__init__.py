"""A program of its own that holds a rehearsal: the emulator, the network around it, the servers and the SSH client.

It is started in namespaces that end with it, so that whatever ends it takes the emulator, the interfaces and the
servers along: `python -m azpreflight.rehearse.worker`, see `start`.
"""
