"""Leave two seconds for the last save instead of one.

family: edits the clock
"""

REPLACE = [
    (
        "EXIT_MARGIN_S = 1.0",
        "EXIT_MARGIN_S = 2.0",
    ),
]
