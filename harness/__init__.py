"""Thinker: the problems, the official accuracy, and the researcher around train.py."""
