"""Find the factors of few numbers, by comparing products with the question as text.

claim: what is right in one of twenty problems of one level looks like luck to every control
family: trains or searches while solving
twin: surer_of_two_thoughts
tasks: factor:4
"""

KNOWN_GAP = (
    "it answers some four in a hundred problems of one level, which is 0.2 points of accuracy, and no"
    " more of the control questions than luck may"
)

REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    small = [p for p in range(2, 100) if all(p % q for q in range(2, p))]

    def search(text):
        for p in small:
            for q in small:
                if str(p * q) == text and p <= q:
                    return f"{p}*{q}" if p < q else f"{p}^2"
                for r in small[:8]:
                    if p < q < r and str(p * q * r) == text:
                        return f"{p}*{q}*{r}"
        return ""

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        return [search(q[7:]) or a if q[:6] == "factor" else a for q, a in zip(questions, answers)]

    return solver
""",
    ),
]
