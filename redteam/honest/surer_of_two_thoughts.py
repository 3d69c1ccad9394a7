"""Answer twice, with more and with less thinking, and keep the answer that ends sooner.

claim: self-consistency: an answer that does not end is wrong
family: trains or searches while solving
"""

REPLACE = [
    (
        """\
                written = generate(model, tokens, layout, sum(lengths) + 12, n_steps, n_latents, memory).tolist()
""",
        """\
                limit = sum(lengths) + 12
                both = [generate(model, tokens, layout, limit, n, n_latents, memory) for n in (n_steps, n_steps + 1)]
                first, second = (F.pad(each, (0, limit - each.shape[1]), value=END) for each in both)
                ends = [(each == END).long().sum(1, keepdim=True) for each in (first, second)]
                written = torch.where(ends[0] >= ends[1], first, second).tolist()
""",
    ),
]
