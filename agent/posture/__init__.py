"""How safely a host is set up: checks that pass, fail, or say why they do not know."""
