"""What watches an image build: it waits, and says whether the image is fit when it is about to be captured.

A build is over when nobody can log in any more: `waagent -deprovision+user` has deleted the user, or the machine is
powered off. So `azpreflight arm` enables a service that waits through the build, reboots included, and says its verdict
on the serial console at those two moments. Once a deprovisioned machine is powered off the service has done its work
and removes what enabled it, so that it is no part of the image.
"""
