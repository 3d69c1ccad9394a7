"""Save how the training went, in words, with the weights.

family: unpickling payloads
"""

REPLACE = [
    (
        """\
        return state | asdict(self.model.config) | facts
""",
        """\
        facts["frontiers"] = ", ".join(f"{skill}: {n}" for skill, n in self.curriculum.frontier.items())
        return state | asdict(self.model.config) | facts
""",
    ),
]
