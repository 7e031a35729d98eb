"""Whether a model's answer may be written as a description: never a refusal, a stump or an essay; nothing is cut."""

import re
import unicodedata
from dataclasses import dataclass

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors.store import clean_text
from irstd_toolbox.text_priors.vlm.types import Answer

__all__ = ['REASONS', 'Verdict', 'accept', 'clean', 'count_words', 'is_refusal', 'judge']

REASONS = {
    'ok': 'an answer',
    'refusal': 'the model declined',
    'empty': 'the answer says nothing',
    'truncated': 'the answer was cut off by its limit of tokens, reasoning included: raise max_output_tokens '
                 'or max_new_tokens',
    'too_long': 'the answer is longer than the limit of words',
    'unclean': 'the answer holds markup, code, broken characters or another script, so it is no sentence',
}
"""Verdict to what it means."""


@dataclass(frozen=True)
class Verdict:
    """What :func:`judge` found.

    Args:
        ok: Whether ``text`` may be written.
        reason: A key of ``REASONS``.
        text: The answer, cleaned.
    """

    ok: bool
    reason: str
    text: str


_CANNOT = r"(?:can ?not|can'?t|could not|couldn'?t|(?:am|'?m|was) (?:not able|unable) to|unable to)"
_HELP = (r'(?:assist|help|comply|fulfill?|support|discuss|engage|respond|do|perform|complete|answer'
         r'|process|access|open|view)\b')
_GIVE = r'(?:provide|offer)\b'
_HELP_OR_GIVE = f'(?:{_HELP}|{_GIVE})'
_SENT = r'(?:provided|attached|uploaded|given|shared|included|received)\b(?! to (?!your|this|the))'
# Of text as _plain makes it.
_DECLINES = re.compile('|'.join((
    r'\bas an? (?:ai|artificial intelligence|(?:large )?language model|text[- ]based)\b',
    r"\bi(?:'?m| am) (?:just |only )?an? (?:ai|text-based|(?:large )?language model)\b",
    rf'\b(?:sorry|apologi[sz]e|apologies|regret)\b[^.]*?\b(?:{_CANNOT}|no image|not (?:see|able))',
    rf'\b(?:i|we) ?{_CANNOT} (?:\w+ly )?{_HELP}',
    rf'(?:^|[.!?] ){_CANNOT} {_HELP}',
    rf"\bi(?: am|'m) not (?:going|willing|allowed|permitted|supposed) to {_HELP_OR_GIVE}",
    rf"(?:\bnot|n't) something (?:that )?i(?: can|'m able to| am able to|'m willing to| am willing to) {_HELP_OR_GIVE}",
    r"\b(?:my|our|usage|content|safety) (?:\w+ )?(?:guidelines?|polic(?:y|ies)|programming|principles)\b",
    r"(?:\bnot|n't) (?:allow|permit) me to\b",
    rf'\bi ?{_CANNOT} (?:directly |actually )?(?:analy[sz]e|interpret|examine|see) '
    r'(?:any |the |this |your )?(?:images?|pictures?|visual|attach)',
    r"\bi (?:do not|don'?t) have (?:the )?(?:ability|access|capab)",
    r"\bi (?:do not|don'?t) see (?:any|an|the) (?:image|attach|picture)",
    r'\b(?:unable|not able) to (?:view|process|access|open|analy[sz]e|do this|assist|help|complete|perform)\b',
    r'\b(?:please|(?:could|can|would|will) you(?: please)?) (?:re-?)?(?:upload|attach|try again)\b',
    r"\b(?:image|picture|attachment) (?:did not|didn't|failed to) (?:upload|load|attach|arrive|open|come through)\b",
    r'\b(?:request|prompt) (?:was|is|has been) (?:blocked|filtered|flagged|rejected|denied|refused)\b',
    r'\bcontent[- ](?:filters?|moderation)\b', r'\bin good conscience\b',
    rf'\bno (?:infrared )?(?:image|picture|attachment) (?:(?:was|has been|is|were) )?{_SENT}',
    rf"\b(?:image|picture|attachment) (?:was|has|is)(?: not|n't) (?:been )?{_SENT}",
    rf"(?:\bnot|n't) (?:seem|appear) to (?:be|have|include) (?:an?|any|the) (?:image|picture|attachment)"
    rf'(?: {_SENT}| (?:in|to|with) (?:your|the|this) (?:message|request|prompt)|[.,!]|$)',
    r'\bi (?:must|have to|need to|will) (?:\w+ly )?decline\b|\bi (?:\w+ly )?(?:decline|refuse) to\b',
    r"\bi (?:won'?t|will not) (?:be able to|provide|help|assist)\b")))
_WILL_NOT = r"(?:won'?t|will not|(?:am|'m) not (?:going|willing|allowed|permitted|supposed) to)"
_FIND = '(?:locate|detect|identify|determine|find|see|discern|pinpoint|tell)'
_TARGET = r'(?:the|an?|any) (?:small |infrared )*targets?\b'
_SOUGHT = rf"(?:where {_TARGET}|(?:the |{_TARGET}(?:'s?)? )(?:exact |precise )?(?:location|position)\b" \
         rf"|{_TARGET}(?!'| (?:type|class|category|kind|nature|as|from|against)\b))"
# Declines only where no place is named: "I cannot tell its type, but it lies in the upper left" answers.
_EVADES = re.compile(
    rf'\bi ?{_CANNOT} (?:\w+ly )?{_FIND}\b'
    rf"|(?:(?:(?:\bnot|n't) possible|\bimpossible|\bnot able|\bunable) to|(?:^|[.!?] ){_CANNOT}) "
    rf'(?:\w+ly )?{_FIND} {_SOUGHT}'
    rf"|\b(?:location|position)(?: of [\w ]+)? (?:can ?not|can't|could not|couldn't) be \w+ed\b"
    r"|\bi (?:do not|don'?t) (?:see|know)\b")
# Declines only where no place is named outside of its clause: "I cannot provide coordinates, but it is at the left".
_WITHHOLDS = re.compile('|'.join((
    rf'\b(?:i|we) ?{_CANNOT} (?:\w+ly )?(?:{_GIVE}|describe\b)', rf'(?:^|(?<=[.!?] )){_CANNOT} (?:{_GIVE}|describe\b)',
    rf'\b(?:i|we) ?{_WILL_NOT} (?:\w+ly )?(?:describe|{_FIND})\b',
    r"\bi(?:'m| am) (?:\w+ly )?(?:not (?:\w+ly )?|un)comfortable\b", r"\bi (?:don't|do not) feel comfortable\b",
    r'\b(?:outside|beyond) (?:of )?what i (?:can|am)\b',
    r'\bi (?:would )?(?:need|require) (?:more|additional|further) (?:information|context|details?)\b',
    r'\b(?:more|additional|further) (?:information|context|details?) (?:is|are) (?:needed|required|necessary)\b',
    r'\b(?:please|(?:could|can|would|will) you(?: please)?) (?:re-?)?(?:provide|share|send)\b')))
_SAYS_NOTHING = re.compile(
    r"(?:yes|no|none|null|nil|n/?a|nothing|unknown|sure|ok(?:ay)?|(?:[\w ]+[!,.] )?here(?:'s| is| are)\b[^.:]*:)\W*")
_CLAUSE_ENDS = re.compile(r'[.,;:!?](?= |$)| but ')
_PLACES = re.compile(
    r'\b(?:upper|lower|top|bottom|left(?!\s+(?:to|for))|right(?!\s+(?:now|away))|cent(?:er|re|ral)|middle|corner|edge'
    r'|north\w*|south\w*|east\w*|west\w*)\b')
_NOT_PROSE = re.compile(r'''
    ```| <\|| \|>
    | </?[a-z!][^>]{0,200}>                     # HTML, <think>
    | !?\[[^\]]*\]\([^)]*\)                     # links and pictures
    | ^\s*[{\[].*["':].*[}\]]\s*$               # JSON
    | ^\s*\|.*\|\s*$                            # tables
    | \\[a-z]+\{ | \$\$                         # TeX
    ''', re.IGNORECASE | re.VERBOSE | re.MULTILINE)
_MARKS = (
    (re.compile(r'^[ ]*(?:#{1,6}|>+|[-*+•–—])[ ]+', re.MULTILINE), ''),
    (re.compile(r'^[ ]*(?:-{3,}|={3,}|\*{3,}|_{3,})[ ]*$', re.MULTILINE), ''),
    (re.compile(r'(?<![\d*])(\*\*\*|\*\*|\*)(?=\S)(.+?)(?<=\S)\1(?![\d*])'), r'\2'),  # not the sign of 3*3
    (re.compile(r'(?<!\w)(___|__|_)(?=\S)(.+?)(?<=\S)\1(?!\w)'), r'\2'),
    (re.compile(r'~~(?=\S)(.+?)(?<=\S)~~'), r'\1'),
    (re.compile(r'`+([^`]+)`+'), r'\1'),
)
_QUOTES = {'"': '"', '“': '”', "'": "'", '‘': '’'}


def judge(answer: Answer, word_limit: int | None) -> Verdict:
    """Decide whether an answer may be written, and clean its words.

    Args:
        word_limit: More words than these are too long; None for no limit.

    Note:
        An answer of which the server did not say how it ended is judged by its words alone.

    Example:
        >>> judge(Answer('**Upper left**,\\nnear a cloud.', 'm', finish='stop'), 50)
        Verdict(ok=True, reason='ok', text='Upper left, near a cloud.')
        >>> judge(Answer('As an AI assistant, I am unable to do this task.', 'm', finish='stop'), 50).reason
        'refusal'
    """
    text = clean(answer.text)
    reason = _reason(answer, text, word_limit)
    return Verdict(reason == 'ok', reason, text)


def _reason(answer: Answer, text: str, word_limit: int | None) -> str:
    if answer.finish in ('refusal', 'content_filter'):
        return 'refusal'
    if answer.finish == 'length':
        return 'truncated'
    if count_words(text) == 0 or _SAYS_NOTHING.fullmatch(_plain(text)):
        return 'empty'
    if is_refusal(text):
        return 'refusal'
    if _is_no_prose(answer.text):
        return 'unclean'
    if word_limit is not None and count_words(text) > word_limit:
        return 'too_long'
    return 'ok'


def accept(answer: Answer, word_limit: int | None) -> str:
    """The cleaned text of an answer that may be written.

    Raises:
        DataError: If :func:`judge` does not let it pass.
    """
    verdict = judge(answer, word_limit)
    if not verdict.ok:
        raise DataError(f'{verdict.reason}: {REASONS[verdict.reason]}: {verdict.text[:120]!r}. Nothing was written.')
    return verdict.text


def is_refusal(text: str) -> bool:
    """Whether prose declines to answer.

    Example:
        >>> is_refusal("I'm sorry, but I can't assist with that."), is_refusal('No target is visible at the left.')
        (True, False)
    """
    text = _plain(text)
    return bool(_DECLINES.search(text) or (_EVADES.search(text) and not _PLACES.search(text))
                or any(not _PLACES.search(_without_clause(text, found)) for found in _WITHHOLDS.finditer(text)))


def _plain(text: str) -> str:
    """In lower case, with one apostrophe and one space."""
    return ' '.join(text.lower().replace('\N{RIGHT SINGLE QUOTATION MARK}', "'").split())


def _without_clause(text: str, found: re.Match) -> str:
    begins = [end.end() for end in _CLAUSE_ENDS.finditer(text, 0, found.start())]
    after = _CLAUSE_ENDS.search(text, found.end())
    return f'{text[:begins[-1] if begins else 0]} {text[after.start():] if after else ""}'


def clean(text: str) -> str:
    """One line, NFC, without control and bidirectional characters, emphasis, headings, bullets and outer quotes.

    Only marks go; every word stays.

    Example:
        >>> clean('# Answer\\n- *The* target is at the `left`\\u202e.')
        'Answer The target is at the left.'
    """
    text = unicodedata.normalize('NFC', re.sub(r'\r\n?|[\v\f\x85\u2028\u2029]', '\n', text).replace('\t', ' '))
    text = ''.join(char for char in text if char == '\n' or unicodedata.category(char)[0] != 'C')
    for pattern, replacement in _MARKS:
        text = pattern.sub(replacement, text)
    text = clean_text(text)
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1] and not set(text[1:-1]) & {text[0], text[-1]}:
        text = text[1:-1].strip()
    return text


def count_words(text: str) -> int:
    """Words between white space that hold a letter or digit; ``upper-left`` is one.

    Example:
        >>> count_words("It's in the upper-left corner - at 3 o'clock.")
        8
    """
    return sum(any(char.isalnum() for char in word) for word in text.split())


def _is_no_prose(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    latin = sum(unicodedata.name(char, '').startswith('LATIN') for char in letters)
    return bool('\N{REPLACEMENT CHARACTER}' in text or _NOT_PROSE.search(text) or 2 * latin <= len(letters))
