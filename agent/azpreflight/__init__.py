"""azpreflight: why did, or why will, provisioning of this Linux image on Azure fail?"""

from __future__ import annotations

__version__ = "0.1.0"
