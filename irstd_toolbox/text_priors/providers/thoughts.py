"""What a model thought before it answered, where its thoughts stand in the text of the answer."""

__all__ = ['CLOSES', 'after_thoughts']

_THOUGHTS = ('<think>', '</think>'), ('[THINK]', '[/THINK]'), ('◁think▷', '◁/think▷')  # most; Magistral; Kimi-VL
_AROUND = ('<answer>', '</answer>'), ('<|begin_of_box|>', '<|end_of_box|>')  # of GLM-4.1V and later
CLOSES = frozenset(closes for _, closes in _THOUGHTS)
"""The tags behind which an answer begins."""


def after_thoughts(text: str) -> str:
    """The answer alone, of ``<think>…</think>`` and an answer, or of other models' tags; of tags around an answer, too.

    Servers that know their model's tags, and vendors, hold thoughts apart; others, and transformers, do not. Many chat
    templates write the first tag themselves, so that only the second comes back. Thoughts that do not end, and tags
    elsewhere, stay in the text.

    Example:
        >>> after_thoughts('<think>It is bright.</think>\\n\\nAt the left.'), after_thoughts('<think>It is bri')
        ('At the left.', '<think>It is bri')
        >>> after_thoughts('<think>It is bright.</think><answer>At the left.</answer>')
        'At the left.'
    """
    for opens, closes in _THOUGHTS:
        thoughts, closed, answer = text.partition(closes)
        if closed and opens not in thoughts.lstrip().removeprefix(opens):
            text = answer.lstrip()
            break
    for opens, closes in _AROUND:
        bare = text.strip()
        if bare.startswith(opens) and bare.endswith(closes) and bare.count(opens) == bare.count(closes) == 1:
            text = bare.removeprefix(opens).removesuffix(closes).strip()
    return text
