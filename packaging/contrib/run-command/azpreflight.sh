#!/bin/sh
# For a VM that nobody can log in to, and whose agent still answers:
#
#   az vm run-command invoke --resource-group GROUP --name VM --command-id RunShellScript --scripts @azpreflight.sh
#
# Run Command returns the last 4096 bytes of the output (Microsoft Learn, "Run scripts in your Linux VM by using action
# Run Commands"), so that the beginning of a long report, which is what matters, would be lost. This prints the beginning,
# in 3,900 bytes with the status. The whole report is left on the VM for root.
set -u

limit=3700
report=${2:-/var/log/azpreflight-run-command.json}
program=$(command -v azpreflight) || { echo "azpreflight is not installed on this VM"; exit 2; }
status=0
text=$("$program" check --stage "${1:-firstboot}" --color never --report "$report") || status=$?
printf '%s\n' "$text" | head -c "$limit"
[ "${#text}" -le "$limit" ] || printf '\n[cut after %s bytes; the rest is in %s]\n' "$limit" "$report"
echo "azpreflight ended with exit code $status"
# A report that was made is a success of the command.
case $status in 0 | 1 | 3) exit 0 ;; *) exit "$status" ;; esac
