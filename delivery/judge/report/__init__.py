"""The same findings for three readers: a person at a terminal, a program, and a page to hand on."""
