"""One module for each kind of command, imported when the command is run: start-up is a good part of a short run."""
