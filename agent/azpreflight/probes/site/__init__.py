"""Checks of a site's own, which its configuration defines: no code of the site's runs.

Every site has things that its VMs need and that azpreflight cannot know: an agent's file, a unit that must be masked, a
package of a certain version, a name that must resolve to a private endpoint. They are data, so that what is read as
root can do no more than azpreflight itself: each kind is one call of the host with a deadline, and its judge is pure.
"""

from __future__ import annotations

from azpreflight.config.site_keys import TIMEOUTS
from azpreflight.model import Probe
from azpreflight.probes.site import checks
from azpreflight.probes.site.collect import gather
from azpreflight.probes.site.facts import SiteFacts

WORST_CASE_S = 2 * TIMEOUTS[1]
"""Seconds: a lookup and a connection that are both silent; files answer at once."""

PROBE = Probe(
    name="site",
    facts=SiteFacts,
    gather=gather,
    checks=checks.CHECKS,
    configured=checks.configured,
)
