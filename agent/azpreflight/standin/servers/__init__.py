"""The servers of the stand-in platform: what each answers, as pure functions, and the program that runs them."""
