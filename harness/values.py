"""How the values of flags are read: each gives the value, or says what it takes instead."""

import argparse
import math


def problems(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} problems a level: ask for 1 or more")
    return int(text)


def tasks(text: str) -> str:
    """The text, once it reads as tasks."""
    sizes(text)
    return text


def sizes(text: str) -> dict[str, tuple[int, int]]:
    """Tasks with their smallest and largest size, as train.py reads them."""
    from harness.problems import BadTasks, parse_tasks

    try:
        return parse_tasks(text)
    except BadTasks as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seconds(text: str) -> float:
    return _number(text, math.ulp(0.0), math.inf, "number of seconds above 0")


def positive(text: str) -> float:
    return _number(text, math.ulp(0.0), math.inf, "number above 0")


def percent(text: str) -> float:
    return _number(text, 0.0, 50.0, "share from 0 to 50 per cent")


def _number(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and least <= value <= most):
        raise argparse.ArgumentTypeError(f"{text} is no {what}")
    return value


def count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(
            f"{text} is no number of an experiment, such as 7; a campaign is named by --tag"
        )
    return int(text)
