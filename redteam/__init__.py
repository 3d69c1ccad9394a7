"""Edits of train.py that cheat, honest ones that look like them, and a runner that tries both."""
