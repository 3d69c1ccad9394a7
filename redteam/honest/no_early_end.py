"""Never end an answer before its first symbol.

family: decoding
"""

REPLACE = [
    (
        """\
        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
""",
        """\
        logits = model.say(model.think(model.token(symbol) + verb, place, *thinking))
        if len(answers) == 1:
            logits[..., END] = -1e9
        symbol = logits.argmax(-1)
""",
    ),
]
