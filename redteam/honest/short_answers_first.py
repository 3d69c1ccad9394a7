"""Think one step longer about long questions.

claim: more thinking where there is more to do
family: on some levels only
"""

REPLACE = [
    (
        """\
                written = generate(model, tokens, layout, sum(lengths) + 12, n_steps, n_latents, memory).tolist()
""",
        """\
                steps = n_steps + 1 if sum(lengths) > 40 else n_steps
                written = generate(model, tokens, layout, sum(lengths) + 12, steps, n_latents, memory).tolist()
""",
    ),
]
