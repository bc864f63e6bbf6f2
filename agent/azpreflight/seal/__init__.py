"""What `azpreflight seal` consists of: make this machine fit to be captured, and prove it, in one process.

After deprovisioning nobody can log in any more, and the person or the pipeline that started it may be gone in the
middle: the session belongs to the user that is deleted. So one root process does it all: it looks first and refuses
where something is wrong that it will not fix, runs cloud-init's and waagent's own cleaning, removes what neither
removes, and then believes no exit status but looks at every effect. Exit 0: sealed. 4: refused, nothing was changed.
5: changed, and not verified: do not capture.
"""
