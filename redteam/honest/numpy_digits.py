"""Draw digits by numpy.

family: data
"""

REPLACE = [
    (
        """\
import torch
import torch.nn.functional as F
""",
        """\
import numpy as np
import torch
import torch.nn.functional as F
""",
    ),
    (
        """\
    return torch.randint(10, (rows, n), device=device)
""",
        """\
    generator = np.random.default_rng(int(torch.randint(2**31, (1,))))
    return torch.from_numpy(generator.integers(0, 10, (rows, n))).to(device)
""",
    ),
]
