"""The keywords of sshd_config and what some of them may be set to (sshd_config(5); OpenSSH 7.4 to 10, servconf.c).

Those of distributions' patches and those that are deprecated, which sshd passes over with a warning, are among them.
"""

from __future__ import annotations

from collections.abc import Mapping

FLAG = ("yes", "no")
_FLAGS = """
allowagentforwarding challengeresponseauthentication disableforwarding exposeauthinfo gssapiauthentication
gssapicleanupcredentials gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck
hostbasedauthentication hostbasedusesnamefrompacketonly ignoreuserknownhosts kbdinteractiveauthentication
kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd kerberosticketcleanup passwordauthentication
permitemptypasswords permittty permituserrc printlastlog printmotd pubkeyauthentication refuseconnection
skeyauthentication streamlocalbindunlink strictmodes tcpkeepalive usedns usepam x11forwarding x11uselocalhost
"""
CHOICES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_FLAGS.split(), FLAG),
    "addressfamily": ("any", "inet", "inet6"),
    "allowstreamlocalforwarding": ("yes", "no", "all", "local", "remote"),
    "allowtcpforwarding": ("yes", "no", "all", "local", "remote"),
    "compression": ("yes", "no", "delayed"),
    "fingerprinthash": ("md5", "sha256"),
    "gatewayports": ("yes", "no", "clientspecified"),
    "ignorerhosts": ("yes", "no", "shosts-only"),
    "permitrootlogin": ("yes", "no", "prohibit-password", "without-password", "forced-commands-only"),
    "permittunnel": ("yes", "no", "point-to-point", "ethernet"),
    "loglevel": ("quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3"),
}
"""Keyword: the only words that it takes, whatever their case."""
NUMBERS = ("port", "maxauthtries", "maxsessions", "clientalivecountmax", "x11displayoffset", "requiredrsasize")
"""Keywords that take a number and nothing else."""
_OTHERS = """
acceptenv afstokenpassing allowgroups allowusers authenticationmethods authorizedkeyscommand authorizedkeyscommanduser
authorizedkeysfile authorizedkeysfile2 authorizedprincipalscommand authorizedprincipalscommanduser
authorizedprincipalsfile banner casignaturealgorithms channeltimeout checkmail chrootdirectory ciphers
clientaliveinterval debianbanner denygroups denyusers disablemtaes dsaauthentication forcecommand gssapienablek5users
gssapiindicators gssapikexalgorithms hostbasedacceptedalgorithms hostbasedacceptedkeytypes hostcertificate hostkey
hostkeyagent hostkeyalgorithms hpnbuffersize hpndisabled include ipqos keepalive kerberostgtpassing
kerberosuniqueccache kerberosusekuserok kexalgorithms keyregenerationinterval listenaddress logingracetime logverbose
macs match maxstartups modulifile nonecipherenabled nonemacenabled pamauthenticationviakbdint paminclude
pamservicename permitblacklistedkeys permitlisten permitopen permituserenvironment persourcemaxstartups
persourcenetblocksize persourcepenalties persourcepenaltyexemptlist pidfile protocol pubkeyacceptedalgorithms
pubkeyacceptedkeytypes pubkeyauthoptions rdomain rekeylimit revokedkeys rhostsauthentication rhostsrsaauthentication
rsaauthentication rsaminsize securitykeyprovider serverkeybits setenv showpatchlevel sshdauthpath sshdsessionpath
streamlocalbindmask subsystem syslogfacility tcprcvbufpoll trustedusercakeys unusedconnectiontimeout useblacklist
uselogin useprivilegeseparation verifyreversemapping versionaddendum xauthlocation
"""
KEYWORDS = frozenset((*CHOICES, *NUMBERS, *_OTHERS.split()))
