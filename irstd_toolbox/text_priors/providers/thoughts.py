"""What a model thought before it answered, where its thoughts stand in the text of the answer."""

__all__ = ['after_thoughts']

OPENS, CLOSES = '<think>', '</think>'


def after_thoughts(text: str) -> str:
    """The answer alone, of ``<think>…</think>`` and an answer.

    Servers that know their model's tags, and vendors, hold thoughts apart; others, and transformers, do not. Many chat
    templates write the first tag themselves, so that only the second comes back. Thoughts that do not end, and tags
    elsewhere, stay in the text.

    Example:
        >>> after_thoughts('<think>It is bright.</think>\\n\\nAt the left.'), after_thoughts('<think>It is bri')
        ('At the left.', '<think>It is bri')
    """
    thoughts, closes, answer = text.partition(CLOSES)
    return answer.lstrip() if closes and OPENS not in thoughts.lstrip().removeprefix(OPENS) else text
