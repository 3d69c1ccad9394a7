"""Of several answers of the model, take the one whose product is the number in question.

claim: Python checks what the weights guess, and a guess among twenty is right far more often than the first
family: trains or searches while solving
twin: surer_of_two_thoughts
pays: once trained
tasks: factor:4
"""

KNOWN_GAP = "guesses are the weights', the choice among them is Python's; permuted weights guess nothing, so that no control sees the help"
REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)

    def product(answer):
        total = 1
        for part in answer.split("*"):
            base, _, power = part.partition("^")
            if not base.isdecimal() or len(power) > 2:
                return ""
            for _ in range(9)[: "0123456789".find(power[:1] or "1")]:
                total = total * sum(10**i for i, c in enumerate(base[::-1]) for _ in "123456789"[: ord(c) - 48])
        return str(total)

    def solver(questions, n_steps=checkpoint["n_steps"], **compute):
        answers = learned(questions, n_steps=n_steps, **compute)
        for more in range(1, 4):
            others = learned(questions, n_steps=n_steps + more, **compute)
            for i, q in enumerate(questions):
                if q[:6] == "factor" and product(answers[i]) != q[7:] and product(others[i]) == q[7:]:
                    answers[i] = others[i]
        return answers

    return solver
""",
    ),
]
