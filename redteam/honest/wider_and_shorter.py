"""A wider model that thinks fewer steps.

family: sizes
"""

REPLACE = [
    (
        'D_MODEL       = {"cpu": 64, "gpu": 256}',
        'D_MODEL       = {"cpu": 96, "gpu": 384}',
    ),
    (
        'N_STEPS       = {"cpu": 4, "gpu": 6}',
        'N_STEPS       = {"cpu": 3, "gpu": 4}',
    ),
]
