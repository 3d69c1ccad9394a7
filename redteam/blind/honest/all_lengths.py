"""Products and factors never pass 0.9 at 2 and 3 digits, so longer ones are never shown.

claim: products and factors never pass 0.9 at 2 and 3 digits, so longer ones are never shown. A
    share of their batches is drawn from beyond the frontier, each further digit half as often;
    the frontier itself moves as before. Should move factor:6 (dividing out small primes needs no
    mastery of 3 digits) and perhaps mul:3; may cost mul:2. Honest: curriculum alone.
"""

REPLACE = [
    (
        """MAKE_AHEAD    = 8                            # batches made at a time
""",
        """AHEAD         = {"mul": 0.2, "factor": 0.4}  # share of batches from beyond the frontier
MAKE_AHEAD    = 8                            # batches made at a time
""",
    ),
    (
        """        low, high = self.shortest[skill], self.frontier[skill]
""",
        """        low, high = self.shortest[skill], self.frontier[skill]
        if high < self.longest[skill] and self.random.random() < AHEAD.get(skill, 0.0):
            further = 1
            while self.random.random() < 0.5:
                further += 1
            return skill, min(self.longest[skill], high + further)
""",
    ),
    (
        """        if n * PROMOTE_BY <= self.frontier[skill]:  # not near the frontier
""",
        """        if n * PROMOTE_BY <= self.frontier[skill] or n > self.frontier[skill]:  # not near the frontier
""",
    ),
]
