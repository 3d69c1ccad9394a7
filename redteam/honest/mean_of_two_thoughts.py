"""Average the logits of thinking with and without memory, at each symbol.

family: decoding
"""

REPLACE = [
    (
        """\
        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
""",
        """\
        seen = model.say(model.think(model.token(symbol) + verb, place, *thinking))
        bare = model.say(model.think(model.token(symbol) + verb, place, question, [], n_steps, 0))
        symbol = (seen.log_softmax(-1) + 0.2 * bare.log_softmax(-1)).argmax(-1)
""",
    ),
]
