"""The first boot of an image, rehearsed: a VM of it in an emulator, beside a stand-in for the platform.

No list of checks holds everything that keeps a VM from provisioning; a first boot does. So the image is booted, on a
layer that takes all that is written, in a network that leads nowhere, and what came of it is judged: what the serial
console said, what the platform was asked and told, and whether somebody can log in.

What is planned, and how it is judged, are pure functions; `worker` has the emulator, the servers and the namespaces.
It is a builder's tool and is in no guest.
"""
