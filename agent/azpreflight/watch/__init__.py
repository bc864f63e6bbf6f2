"""What watches a first boot from its first seconds and says, unattended, what is wrong.

When a VM does not provision, nobody can log in, and the serial console is all there is. The watch starts early and
nothing is ordered after it. It saves what the image looked like before the agents change it, then looks again whenever
the network or the agents' files change, and at growing intervals.
"""
