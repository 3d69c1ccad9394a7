"""Addition alone at the beginning.

family: curriculum
"""

REPLACE = [
    (
        """\
        weights = [SKILLS[s][1] * (MASTERED if self.is_mastered(s) else 1.0) for s in self.skills]
""",
        """\
        early = self.frontier.get("add", 99) < 12
        weights = [SKILLS[s][1] * (MASTERED if self.is_mastered(s) else 1.0) for s in self.skills]
        weights = [w * (5.0 if early and s == "add" else 1.0) for w, s in zip(weights, self.skills)]
""",
    ),
]
