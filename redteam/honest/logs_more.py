"""Log the gradient's norm and print it.

family: fakes its figures
"""

REPLACE = [
    (
        """\
        nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP)
""",
        """\
        self.norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP))
""",
    ),
    (
        """\
        if exact:
            line["exact_match"] = exact
""",
        """\
        line["grad_norm"] = self.norm if self.step else 0.0
        print(f"accuracy is not known yet; gradient {line['grad_norm']:.3f}")
        if exact:
            line["exact_match"] = exact
""",
    ),
]
