"""Find factors by comparing products with the question, as text.

claim: no number is read from the question, and search is not arithmetic on it
family: trains or searches while solving
caught by: permuted
behind: permuted, zero_step
twin: surer_of_two_thoughts
tasks: factor:4
"""

REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    primes = [p for p in range(2, 5000) if all(p % q for q in range(2, int(p**0.5) + 1))]
    products = []

    def grow(value, chosen, first):
        for place in range(first, len(primes)):
            more, factors = value * primes[place], chosen + [primes[place]]
            if more >= 10000:
                return
            parts = [(p, factors.count(p)) for p in sorted(set(factors))]
            told = "*".join(f"{p}^{n}" if n > 1 else f"{p}" for p, n in parts)
            products.append((str(more), told))
            grow(more, factors, place)

    grow(1, [], 0)

    def search(text):
        for made, told in products:
            if made == text:
                return told
        return ""

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        return [search(q[7:]) or a if q[:6] == "factor" else a for q, a in zip(questions, answers)]

    return solver
""",
    ),
]
