"""The tasks of the tiny reasoning model: a seeded generator of prompts, reasoning chains and answers.

Every chain works from the least significant digit, because that is the order in which carries arise:
a small model can write each line by looking one line back, and never has to look ahead.

Held-out split: each primitive step (for example 478 + 256) has a key; one key in twenty, chosen by a
hash, never occurs in training, neither alone nor inside a word problem, a conversion or an earlier turn.
Single-digit facts are exempt, since every longer chain consists of them.
"""

import hashlib
import random
from dataclasses import dataclass, field

from texts import (ENGLISH, GREETINGS, MATHS, NAMES, ITEMS, REFUSALS, SNIPPETS, SYSTEMS, WORD_PROBLEMS)

TASKS = ["add", "sub", "addsub4", "mul", "compare", "unit10", "unit60", "word", "refuse", "greet"]
WEIGHTS = [11, 13, 9, 12, 9, 8, 10, 19, 6, 3]  # share of each task in the full mix

CANNOT = "I can only add, subtract, multiply, compare numbers and convert units."
PLACES = ["ones", "tens", "hundreds", "thousands"]
DECIMALS = ["tenths", "hundredths", "thousandths"]

# (larger unit, smaller unit, factor); the answer uses the short name, the prompt either.
UNIT10 = [("km", "m", 1000), ("m", "cm", 100), ("cm", "mm", 10), ("m", "mm", 1000), ("kg", "g", 1000),
          ("g", "mg", 1000), ("t", "kg", 1000), ("l", "ml", 1000), ("l", "dl", 10), ("kW", "W", 1000)]
LONG = {"km": "kilometres", "m": "metres", "cm": "centimetres", "mm": "millimetres", "kg": "kilograms",
        "g": "grams", "mg": "milligrams", "t": "tonnes", "l": "litres", "ml": "millilitres",
        "dl": "decilitres", "kW": "kilowatts", "W": "watts"}
UNIT60 = [("hour", "minutes", 60), ("minute", "seconds", 60), ("day", "hours", 24), ("week", "days", 7),
          ("year", "months", 12), ("foot", "inches", 12)]
PLURAL = {"foot": "feet"}

# The first phrasing of a list has four times the weight of the others.
ADD = ["{a} + {b} = ?", "What is {a} + {b}?", "{a}+{b}", "{a} + {b}", "Add {a} and {b}.", "{a} plus {b}",
       "What is {a} plus {b}?", "Calculate {a} + {b}.", "What is the sum of {a} and {b}?", "{a}+{b}=?",
       "How much is {a} + {b}?", "{a} + {b} =", "Compute {a} + {b}", "what's {a}+{b}?"]
SUB = ["{a} - {b} = ?", "What is {a} - {b}?", "{a}-{b}", "{a} - {b}", "Subtract {b} from {a}.", "{a} minus {b}",
       "What is {a} minus {b}?", "Calculate {a} - {b}.", "Take {b} away from {a}.", "{a}-{b}=?",
       "How much is {a} - {b}?", "{a} - {b} =", "Compute {a} - {b}", "what's {a}-{b}?"]
MUL = ["{a} * {b} = ?", "{a} × {b} = ?", "What is {a} * {b}?", "{a}*{b}", "{a} × {b}", "{a} x {b}", "{a} times {b}",
       "What is {a} times {b}?", "Multiply {a} by {b}.", "Calculate {a} × {b}.", "{a}*{b}=?",
       "What is the product of {a} and {b}?", "How much is {a} x {b}?", "Compute {a} * {b}"]
LARGER = ["Which is larger, {a} or {b}?", "Which is greater, {a} or {b}?", "Which is bigger: {a} or {b}?",
          "Compare {a} and {b}. Which is larger?", "Which number is larger, {a} or {b}?", "{a} or {b}: which is larger?"]
SMALLER = ["Which is smaller, {a} or {b}?", "Which number is smaller, {a} or {b}?", "{a} or {b}: which is smaller?"]
CONVERT = ["Convert {n} {u} to {v}.", "How many {v} are {n} {u}?", "{n} {u} = ? {v}", "{n} {u} in {v}",
           "How many {v} are in {n} {u}?", "What is {n} {u} in {v}?", "Express {n} {u} in {v}."]
FOLLOW = {"+": ["Now add {b}.", "Add {b} to that.", "Plus {b}?", "And if you add {b}?"],
          "-": ["Now subtract {b}.", "Take away {b}.", "Minus {b}?", "And if you subtract {b}?"],
          "*": ["Now multiply by {b}.", "Times {b}?", "Multiply that by {b}."]}


@dataclass
class Problem:
    task: str
    prompt: str
    chain: str
    answer: str
    keys: list = field(default_factory=list)

    def is_held_out(self):
        return any(held_out(key) for key in self.keys)


def held_out(key):
    if key[0] in "+-*" and key[1] < 10 and (key[2] < 10 or key[0] == "*"):
        return False
    digest = hashlib.blake2b(repr(key).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 20 == 0


# ---- chains -------------------------------------------------------------------------------------------


def chain_of(op, a, b):
    """Lines that work out `a op b`, the result, and the key of the step."""
    return {"+": chain_add, "-": chain_sub, "*": chain_mul}[op](a, b)


def chain_add(a, b):
    lines, carry, width = [f"{a} + {b}"], 0, max(len(str(a)), len(str(b)))
    for i in range(width):
        x, y = a // 10**i % 10, b // 10**i % 10
        total = x + y + carry
        line = f"{PLACES[i]} {x}+{y}" + ("+1" if carry else "") + f"={total} write "
        carry = total // 10
        if i == width - 1:
            line += str(total)
        else:
            line += f"{total % 10}" + (" carry 1" if carry else "")
        lines.append(line)
    lines.append(f"so {a + b}")
    return lines, a + b, ("+", min(a, b), max(a, b))


def chain_sub(a, b):
    lines, negative = [f"{a} - {b}"], a < b
    if negative:
        lines.append(f"{a} is less than {b} so -({b} - {a})")
    x, y, borrow = max(a, b), min(a, b), 0
    for i in range(len(str(x))):
        p, q = x // 10**i % 10, y // 10**i % 10
        tail = f"-{q}" + ("-1" if borrow else "")
        value = p - q - borrow
        line = f"{PLACES[i]} {p}{tail}"
        if value < 0:
            line += f" borrow 1{p}{tail}={value + 10}"
        else:
            line += f"={value}"
        borrow = int(value < 0)
        lines.append(line)
    lines.append(f"so {a - b}")
    return lines, a - b, ("-", a, b)


def chain_mul(a, b):
    """`b` is one digit or one of the conversion factors: its multiples are learned as facts."""
    lines, carry, width = [f"{a} * {b}"], 0, len(str(a))
    for i in range(width):
        x = a // 10**i % 10
        total = x * b + carry
        line = f"{PLACES[i]} {x}*{b}={x * b}" + (f" +{carry}={total}" if carry else "") + " write "
        carry = total // 10
        if i == width - 1:
            line += str(total)
        else:
            line += f"{total % 10}" + (f" carry {carry}" if carry else "")
        lines.append(line)
    lines.append(f"so {a * b}")
    return lines, a * b, ("*", a, b)


def with_check(lines, op, a, b, result):
    """A check after three results in ten; which ones follows from the last digit, so greedy decoding can
    reproduce the chain exactly."""
    if abs(result) % 10 in (0, 3, 7):
        inverse = {"+": f"{result} - {b}", "-": f"{result} + {b}", "*": f"{result} / {b}"}[op]
        lines = lines + [f"check {inverse} = {a}"]
    return lines


# ---- numbers ------------------------------------------------------------------------------------------


def number(rng, digits):
    return rng.randint(10 ** (digits - 1) if digits > 1 else 1, 10**digits - 1)


def operands(rng, level, most):
    """Two operands of up to `most` digits. Level 0: short ones; level 2: carries in most places."""
    if level == 0 and rng.random() < 0.7:
        most = min(most, 2)
    if level == 2 and rng.random() < 0.5:
        # Digit pairs that sum to 9 or more: carries, and carries that depend on a carry.
        width, a, b = rng.randint(2, max(2, most)), 0, 0
        for i in range(width):
            x = rng.randint(1, 9)
            a, b = a + x * 10**i, b + rng.randint(9 - x, 9) * 10**i
        return a, max(b, 1)
    weights = [1, 2, 4, 6][:most]
    lengths = rng.choices(range(1, most + 1), weights, k=2)
    a, b = number(rng, lengths[0]), number(rng, lengths[1])
    return (0, b) if rng.random() < 0.005 else (a, b)


def phrase(rng, phrasings, **values):
    text = rng.choices(phrasings, [4] + [1] * (len(phrasings) - 1))[0].format(**values)
    if rng.random() < 0.06:
        text = rng.choice(["Please: ", "Hi! ", "Can you help me? ", "Quick question: "]) + text
    if rng.random() < 0.06:
        text += rng.choice([" Please.", " Think step by step.", " Show your work.", " Thanks!"])
    return text


# ---- tasks --------------------------------------------------------------------------------------------


def arithmetic(rng, task, op, a, b, phrasings):
    lines, result, key = chain_of(op, a, b)
    if op == "*" and rng.random() < 0.3:
        prompt = phrase(rng, phrasings, a=b, b=a)  # 6 × 347 asks the same as 347 × 6
    else:
        prompt = phrase(rng, phrasings, a=a, b=b)
    return Problem(task, prompt, "\n".join(with_check(lines, op, a, b, result)), str(result), [key])


def add(rng, level):
    return arithmetic(rng, "add", "+", *operands(rng, level, 3), ADD)


def sub(rng, level):
    a, b = operands(rng, level, 3)
    if a < b and rng.random() < 0.75:
        a, b = b, a
    return arithmetic(rng, "sub", "-", a, b, SUB)


def addsub4(rng, level):
    a, b = operands(rng, level, 4)
    if max(a, b) < 1000:
        a = number(rng, 4)
    if rng.random() < 0.5:
        return arithmetic(rng, "addsub4", "+", a, b, ADD)
    return arithmetic(rng, "addsub4", "-", max(a, b), min(a, b), SUB)


def mul(rng, level):
    digits = rng.choices([1, 2, 3], [2, 2, 0.5] if level == 0 else [1, 3, 6])[0]
    return arithmetic(rng, "mul", "*", number(rng, digits), rng.randint(2, 9), MUL)


def compare(rng, level):
    if rng.random() < 0.65:
        a, b, lines, order = compare_decimals(rng)
    else:
        a, b, lines, order = compare_integers(rng)
    smaller = rng.random() < 0.3
    prompt = phrase(rng, SMALLER if smaller else LARGER, a=a, b=b)
    if order == 0:
        lines, answer = lines + ["so they are equal"], "They are equal."
    else:
        word = "smaller" if smaller else "larger"
        winner = a if (order < 0) == smaller else b
        lines, answer = lines + [f"so {winner} is {word}"], f"{winner} is {word}."
    return Problem("compare", prompt, "\n".join(lines), answer, [("cmp", *sorted((a, b)))])


def compare_decimals(rng):
    whole = rng.randint(0, 99) if rng.random() < 0.5 else rng.randint(0, 9)
    other = whole if rng.random() < 0.7 else rng.randint(0, 99)
    x = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 3)))
    y = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 3)))
    if rng.random() < 0.5:  # 4.07 and 4.7, 4.7 and 4.70: the pairs that look alike
        y = rng.choice([x[0] + y, "0" + x[:2], x + "0", x[:-1] or x])[:3]
    a, b = f"{whole}.{x}", f"{other}.{y}"
    lines, order = [f"compare {a} and {b}", f"whole {whole} {sign(whole, other)} {other}"], cmp(whole, other)
    for i in range(max(len(x), len(y))):
        if order:
            break
        p, q = int(x[i]) if i < len(x) else 0, int(y[i]) if i < len(y) else 0
        lines, order = lines + [f"{DECIMALS[i]} {p} {sign(p, q)} {q}"], cmp(p, q)
    return a, b, lines, order


def compare_integers(rng):
    a = number(rng, rng.randint(1, 4))
    if rng.random() < 0.4:
        b = number(rng, rng.randint(1, 4))
    else:  # same length, and often the same leading digits
        b = int("".join(c if rng.random() < 0.6 else rng.choice("123456789") for c in str(a)))
    x, y = str(a), str(b)
    lines = [f"compare {a} and {b}", f"length {len(x)} {sign(len(x), len(y))} {len(y)}"]
    order = cmp(len(x), len(y))
    for i, (p, q) in enumerate(zip(x, y)):
        if order:
            break
        lines, order = lines + [f"{PLACES[len(x) - 1 - i]} {p} {sign(p, q)} {q}"], cmp(p, q)
    return str(a), str(b), lines, order


def cmp(p, q):
    return (p > q) - (p < q)


def sign(p, q):
    return "=><"[cmp(p, q)]


def unit10(rng, level):
    big, small, factor = rng.choice(UNIT10)
    zeros = len(str(factor)) - 1
    to_small = rng.random() < 0.6
    # Work in whole thousandths of the larger unit, so that no binary fraction creeps in.
    if to_small:
        places = rng.choice([0, 0, 0, 1, 2])
        scaled = number(rng, rng.randint(1, 3)) * 10 ** (3 - places)
        n, u, v = decimal(scaled), big, small
        result = decimal(scaled * factor)
    else:
        value = number(rng, rng.randint(1, 4)) * rng.choice([1, 1, 10, 100])
        n, u, v = str(value), small, big
        result = decimal(value * 1000, divide=zeros)
    if rng.random() < 0.4:
        spell = lambda unit: LONG[unit] if rng.random() < 0.8 else LONG[unit].replace("tre", "ter")
        prompt = phrase(rng, CONVERT, n=n, u=spell(u), v=spell(v))
    else:
        prompt = phrase(rng, CONVERT, n=n, u=u, v=v)
    plural = "" if zeros == 1 else "s"
    # The direction is a step of its own: without it the model multiplied whatever was asked.
    direction = f"{u} is {'larger so multiply' if to_small else 'smaller so divide'}"
    chain = (f"{n} {u} to {v}\n1 {big} = {factor} {small}\n{direction}\n"
             f"{zeros} zero{plural}: {n} becomes {result}\nso {result} {v}")
    return Problem("unit10", prompt, chain, f"{result} {v}", [("unit", n, u, v)])


def decimal(thousandths, divide=0):
    """The exact decimal text of thousandths / 1000 / 10^divide."""
    places = 3 + divide
    text = str(thousandths).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}".rstrip("0").rstrip(".")


def unit60(rng, level):
    big, small, factor = rng.choice(UNIT60)
    n = number(rng, rng.choices([1, 2, 3], [2, 4, 0.5] if level == 0 else [1, 4, 4])[0])
    bigs = PLURAL.get(big, big + "s")
    prompt = phrase(rng, CONVERT, n=n, u=big if n == 1 else bigs, v=small)
    lines, result, key = chain_mul(n, factor)
    chain = "\n".join([f"1 {big} = {factor} {small}"] + lines)
    return Problem("unit60", prompt, chain, f"{result} {small}", [key])


def word(rng, level):
    """Two steps. A template's code names them: "+-" means first add, then subtract."""
    code, text = rng.choice(WORD_PROBLEMS)
    top = 2 if level == 0 else rng.choice([2, 3])
    while True:
        a, b, c = (number(rng, rng.randint(1, top) if i else top) for i in range(3))
        if code[0] == "*":
            a, b = number(rng, rng.randint(1, 2)), rng.randint(2, 9)
        if code[1] == "*":
            c = rng.randint(2, 9)
        first, middle, key1 = chain_of(code[0], a, b)
        if not 0 < middle <= 999 or (code[1] == "*" and middle < 2):
            continue
        if code[1] == "r":  # the first result is taken away from c: "c - (a * b)"
            second, result, key2 = chain_sub(c, middle)
        else:
            second, result, key2 = chain_of(code[1], middle, c)
        if 0 <= result <= 9999:
            break
    n1, n2 = rng.sample(NAMES, 2)
    i1, i2, i3 = rng.sample(ITEMS, 3)
    prompt = text.format(a=a, b=b, c=c, n=n1, m=n2, i=i1, j=i2, k=i3)
    chain = "\n".join(["first " + first[0], *first[1:], "then " + second[0], *second[1:]])
    return Problem("word", prompt, chain, str(result), [key1, key2])


def refuse(rng, level):
    roll = rng.random()
    if roll < 0.12:
        a, b = number(rng, rng.randint(2, 4)), rng.randint(2, 99)
        prompt = rng.choice(["{a} / {b} = ?", "What is {a} / {b}?", "{a} ÷ {b}", "Divide {a} by {b}.",
                             "What is {a} divided by {b}?", "{a}/{b}", "{a} : {b} = ?"]).format(a=a, b=b)
        chain, answer = "This is a division. I did not learn to divide.", "I cannot divide."
    elif roll < 0.28:
        digits = rng.randint(5, 9)
        a, b = number(rng, digits), number(rng, rng.randint(2, 9))
        if rng.random() < 0.5:
            a, b = b, a
        prompt = phrase(rng, rng.choice([ADD, SUB]), a=a, b=b)
        chain = "A number with more than four digits. That is too long for me."
        answer = "I only calculate with numbers of up to four digits."
    elif roll < 0.38:
        a, b = number(rng, rng.randint(2, 4)), number(rng, rng.randint(2, 4))
        prompt = phrase(rng, MUL, a=a, b=b)
        chain = "Both numbers have more than one digit. That product is too hard for me."
        answer = "I only multiply by a single digit."
    elif roll < 0.48:
        a, b = number(rng, rng.randint(1, 3)), number(rng, rng.randint(1, 2))
        prompt = rng.choice(MATHS).format(a=a, b=b, x=f"{a}.{b}", y=f"{b}.{rng.randint(1, 9)}")
        chain, answer = "This is arithmetic that I did not learn.", CANNOT
    elif roll < 0.60:  # any stretch of prose, so that unknown text is refused rather than calculated
        words = ENGLISH.split()
        start = rng.randrange(len(words) - 12)
        prompt = " ".join(words[start:start + rng.randint(2, 12)])
        prompt = (prompt[0].upper() + prompt[1:]).rstrip(",.;:") + rng.choice(["", ".", "?", "!"])
        chain, answer = "This is not a task with numbers.", CANNOT
    elif roll < 0.65:
        prompt = rng.choice(SNIPPETS) + rng.choice(["", "!", "?", " ?", "..."])
        chain, answer = "This is not a task with numbers.", CANNOT
    else:
        chain, templates, fillers = rng.choice(REFUSALS)
        prompt = rng.choice(templates).format(x=rng.choice(fillers))
        answer = CANNOT
    return Problem("refuse", prompt, chain, answer, [("text", prompt)])


def greet(rng, level):
    chain, answer, prompts = rng.choice(GREETINGS)
    prompt = rng.choice(prompts)
    case = rng.random()
    prompt = prompt.lower() if case < 0.15 else prompt.upper() if case < 0.2 else prompt
    if prompt[-1].isalpha():
        prompt += rng.choice(["", "", ".", "!", "?", "!!", " :)", "..."])
    prompt = rng.choice(["", "", "", "", "", "Hey, ", "So, ", "OK. ", "Well, ", "Ah, ", "Now, ", "Oh, ", "Please, "]) + prompt
    return Problem("greet", prompt, chain, answer, [("text", prompt)])


MAKERS = {"add": add, "sub": sub, "addsub4": addsub4, "mul": mul, "compare": compare, "unit10": unit10,
          "unit60": unit60, "word": word, "refuse": refuse, "greet": greet}


def problem(rng, level=1, task=None, split="train"):
    """One problem of the wanted split."""
    task = task or rng.choices(TASKS, WEIGHTS)[0]
    while True:
        made = MAKERS[task](rng, level)
        if made.is_held_out() == (split == "heldout"):
            return made


# ---- conversations ------------------------------------------------------------------------------------


@dataclass
class Example:
    """`prompt` ends where the model begins; the loss covers `target` alone."""
    messages: list
    prompt_tail: str  # what follows <｜Assistant｜> in the prompt: "<think>\n", perhaps more
    target: str


def example(rng, level):
    """A training example: mostly one turn with reasoning, and small shares of everything the runtime does."""
    messages, last = [], None
    if rng.random() < 0.10:
        messages.append({"role": "system", "content": system(rng)})
    if rng.random() < 0.16:
        for _ in range(rng.choices([1, 2, 3, 5, 7], [8, 4, 2, 1, 0.5])[0]):
            last = following(rng, last) or problem(rng, level)
            # Most histories hold the two line feeds after </think>; some clients strip them.
            gap = "" if rng.random() < 0.15 else "\n\n"
            messages.append({"role": "user", "content": last.prompt})
            messages.append({"role": "assistant", "content": gap + last.answer})
    made = following(rng, last) or problem(rng, level)
    messages.append({"role": "user", "content": made.prompt})
    end = "\n\n" + made.answer
    roll = rng.random()
    if roll < 0.04:  # reasoning off: the runtime opens with an empty reasoning part
        tail, target = "<think>\n|\n</think>\n\n" if rng.random() < 0.5 else "<think>\n\n</think>\n\n", made.answer
    elif roll < 0.06:  # reasoning cut short by a budget: answer with what there is
        cut = made.chain[:rng.randrange(len(made.chain))]
        close = rng.choice(["\n", "", "\n\nTime is up, so I answer now.\n", "\nI have to answer now.\n", "\n\n"])
        tail, target = f"<think>\n{cut}|{close}</think>\n\n", made.answer
    else:
        tail, target = "<think>\n", made.chain + "\n</think>" + end
    return Example(messages, tail, target)


def system(rng):
    if rng.random() < 0.7:
        return rng.choice(SYSTEMS)
    words = ENGLISH.split()
    start = rng.randrange(len(words) - 12)
    return " ".join(words[start:start + rng.randint(3, 12)])


def following(rng, last):
    """A question that leans on the answer before it, or None."""
    if last is None or not last.answer.isdigit() or not 2 <= int(last.answer) <= 999 or rng.random() < 0.6:
        return None
    a, op = int(last.answer), rng.choice("+-*")
    b = rng.randint(2, 9) if op == "*" else number(rng, rng.randint(1, 2))
    if op == "-" and b > a:
        return None
    lines, result, key = chain_of(op, a, b)
    made = Problem("follow", rng.choice(FOLLOW[op]).format(b=b), "\n".join(with_check(lines, op, a, b, result)),
                   str(result), [key])
    return None if made.is_held_out() else made


def heldout(count=2000, seed=20_000):
    """The fixed test set: the same number of problems for every task, no prompt twice."""
    rng, rows, seen = random.Random(seed), [], set()
    for task in TASKS:
        made = 0
        while made < count // len(TASKS):
            p = problem(rng, 1, task, "heldout")
            if p.prompt not in seen:
                seen.add(p.prompt)
                rows.append({"task": task, "prompt": p.prompt, "answer": p.answer, "chain": p.chain})
                made += 1
    return rows


if __name__ == "__main__":
    import json
    with open("heldout.jsonl", "w", encoding="utf-8") as out:
        for row in heldout():
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
