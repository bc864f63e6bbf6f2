"""Many logs at once: found in directories, storage and Azure, read by several processes or a cluster, kept on disk.

This runs on an operator's machine and never in a guest, so it may wait for a network and use the extras `fleet` and
`dask`. What is made of a log (`rows`) and of all of them (`engine.fleet`, `engine.tally`) is pure.
"""
