"""How long a description is for CLIP, whose text tower reads 77 tokens and silently drops the rest."""

from collections.abc import Callable

__all__ = ['CLIP_TOKENS', 'find_counter']

CLIP_TOKENS = 77
"""What CLIP's text tower reads, the marks of beginning and end included."""


def find_counter() -> tuple[Callable[[str], int] | None, str]:
    """A function that counts a text's CLIP tokens, both marks included, and why there is none otherwise.

    Loads open_clip, and with it torch, when it is called and not before.
    """
    try:
        from open_clip.tokenizer import SimpleTokenizer
    except ImportError as error:
        return None, f'open_clip cannot be imported ({error}); install open_clip_torch to count tokens'
    tokenizer = SimpleTokenizer()
    return (lambda text: len(tokenizer.encode(text)) + 2), ''
