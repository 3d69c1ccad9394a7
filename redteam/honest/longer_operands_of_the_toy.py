"""Look at longer operands, and train for longer.

claim: accuracy that the controls judge, at the price of seconds
family: sizes
base: tests/toy_train.py
tasks: copy:8-16
steps: 300
"""

REPLACE = [
    (
        "STEPS = 100 ",
        "STEPS = 300 ",
    ),
    (
        "LONGEST = 9 ",
        "LONGEST = 16 ",
    ),
]
