"""Conversations that the judges ask both sides about.

None holds a control token in a message: there the two sides differ by design, because ours encodes message text
apart from the template (`transformers` lets a user's text become a control token).
"""

QUESTIONS = [
    "478 + 256 = ?",
    "9031 - 478 = ?",
    "Which is larger, 4.07 or 4.7?",
    "How many minutes are 3 hours?",
    "Hello!",
    "What is the capital of France?",
]


def user(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


CONVERSATIONS = [user(question) for question in QUESTIONS] + [
    user(""),
    user("  white space\t around\n\nand within  "),
    user("Grüße, 世界 🌍, e\u0301, \u200b, 1234567890"),
    [{"role": "system", "content": "You answer in one line."}, *user("12 + 30 = ?")],
    [
        *user("12 + 30 = ?"),
        {"role": "assistant", "content": "42"},
        *user("And 42 + 1?"),
    ],
    [
        *user("12 + 30 = ?"),
        {"role": "assistant", "content": "<think>\n2+0=2\n1+3=4\n</think>\n\n42"},
        *user("And 42 + 1?"),
    ],
]
