"""Writes the attacks that were found so far into OUT/TARGET/NAME: small inputs, each of a kind that once took a process
its memory, its time or its life. `cargo xtask fuzz` starts from them. Needs nothing but Python: fuzz/attacks.py OUT"""

import json
import pathlib
import struct
import sys

OUT = pathlib.Path(sys.argv[1])
TINY = pathlib.Path(__file__).parent.parent / "testdata" / "families" / "qwen2" / "tokenizer.json"


def write(target, name, content):
    folder = OUT / target
    folder.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    assert len(data) < 1 << 16, (target, name, len(data))
    (folder / name).write_bytes(data)


# Protobuf: a field is a varint of number and type, then a varint or a length with bytes.
def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, numbers, dims=None):
    dims = [len(numbers)] if dims is None else dims
    raw = b"".join(struct.pack("<q", number) for number in numbers)
    return field(5, b"".join(field(1, dim) for dim in dims) + field(2, 7) + field(8, name) + field(9, raw))


def node(operator, inputs, output, attributes=(), domain=""):
    body = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operator) + field(7, domain)
    for name, value in attributes:
        body += field(5, field(1, name) + field(3, value) + field(20, 2))
    return field(1, body)


def graph(*parts):
    free = field(1, field(2, "free"))
    def given(name):
        return field(11, field(1, name) + field(2, field(1, field(1, 7) + field(2, free + free))))
    body = given("input_ids") + given("attention_mask") + b"".join(parts) + field(12, field(1, "y"))
    return field(1, 10) + field(7, body)


def graphs():
    least = -(2**63)
    def scalar(name, number):
        return tensor(name, [number], [])
    for name, operator, a, b in [
        ("div-zero", "Div", 7, 0), ("div-least", "Div", least, -1), ("mod-zero", "Mod", 7, 0), ("mod-least", "Mod", least, -1),
    ]:
        yield name, graph(scalar("a", a), scalar("b", b), node(operator, ["a", "b"], "y"))
    yield "div-computed", graph(
        node("ReduceSum", ["attention_mask"], "n"), node("Sub", ["n", "n"], "zero"), node("Div", ["n", "zero"], "y"))
    for name, shape in [("huge", [1 << 29]), ("wraps", [1 << 32, 1 << 32]), ("negative", [-5])]:
        yield f"constant-{name}", graph(tensor("s", shape), node("ConstantOfShape", ["s"], "y"))
    yield "expand", graph(scalar("one", 1), tensor("s", [1 << 29]), node("Expand", ["one", "s"], "y"))
    yield "tile", graph(tensor("x", [1, 2]), tensor("t", [1 << 30]), node("Tile", ["x", "t"], "y"))
    yield "range", graph(scalar("a", 0), scalar("b", 1 << 40), scalar("c", 1), node("Range", ["a", "b", "c"], "y"))
    yield "range-zero", graph(scalar("a", 0), scalar("b", 1 << 40), node("Range", ["a", "b", "a"], "y"))
    yield "doubled", graph(tensor("d0", [1]), *(
        node("Concat", [f"d{i}", f"d{i}"], "y" if i == 39 else f"d{i + 1}", [("axis", 0)]) for i in range(40)))
    yield "outer", graph(
        tensor("r", [1, 20000]), tensor("c", [20000, 1]), node("ConstantOfShape", ["r"], "row"),
        node("ConstantOfShape", ["c"], "column"), node("Add", ["row", "column"], "y"))
    yield "gather", graph(
        tensor("t", [1, 1 << 20]), tensor("i", [1 << 20]), node("ConstantOfShape", ["t"], "table"),
        node("ConstantOfShape", ["i"], "zeros"), node("Cast", ["zeros"], "ids", [("to", 7)]), node("Gather", ["table", "ids"], "y"))
    yield "product", graph(tensor("s", [1500, 1500]), node("ConstantOfShape", ["s"], "a"), node("MatMul", ["a", "a"], "y"))
    yield "nodes", graph(*(node("Neg", ["input_ids" if i == 0 else f"n{i}"], f"n{i + 1}") for i in range(1500)),
                         node("Neg", ["n1500"], "y"))
    yield "attribute-twice", graph(node("ReduceSum", ["input_ids"], "y", [("keepdims", 0), ("keepdims", 1)]))
    narrow = field(5, field(2, 6) + field(8, "n") + field(9, struct.pack("<i", 2**31 - 1)))
    low_half = field(5, field(2, 6) + field(8, "b") + field(5, 1 << 32))
    yield "wraps-32", graph(
        narrow, node("Add", ["n", "n"], "m"), node("Mul", ["m", "m"], "k"), node("Div", ["n", "k"], "y"))
    yield "wraps-file", graph(narrow, low_half, node("Div", ["n", "b"], "y"))
    yield "abs-least", graph(
        scalar("a", least), scalar("b", 1 << 62), scalar("one", 1), node("Abs", ["a"], "s"), node("Div", ["s", "b"], "m"),
        node("Add", ["m", "one"], "d"), node("Div", ["a", "d"], "y"))
    constant = field(1, field(2, "c") + field(4, "Constant") + field(5, field(1, "value_float") + field(3, -1) + field(20, 2)))
    yield "constant-type", graph(scalar("a", least), constant, node("Div", ["a", "c"], "y"))
    yield "reshape", graph(tensor("s", [1 << 62, 4, 4, -1]), node("Reshape", ["input_ids", "s"], "y"))
    yield "cast-text", graph(node("Cast", ["input_ids"], "y", [("to", 8)]))
    yield "loop", graph(node("Loop", ["", "input_ids"], "y"))
    yield "heads-zero", graph(node(
        "GroupQueryAttention", ["input_ids"] * 7, "y", [("num_heads", 0), ("kv_num_heads", 0)], "com.microsoft"))


def templates():
    double = "{% set ns=namespace(x=['a'],y=['a']) %}{% for i in range(60) %}" \
        "{% set ns.x=[ns.x,ns.x] %}{% set ns.y=[ns.y,ns.y] %}{% endfor %}"
    deep = "{% set ns=namespace(x=[]) %}{% for i in range(60000) %}{% set ns.x=[ns.x] %}{% endfor %}"
    yield "loop", "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}"
    yield "times", "{{ 'x' * 10**9 }}"
    for name, use in [
        ("equal", "ns.x == ns.y"), ("in", "ns.x in ns.y"), ("joined", "ns.x ~ ns.y"), ("text", "ns.x|string|length"),
        ("json", "ns.x|tojson|length"), ("printed", "ns.x"), ("sorted", "[ns.x,ns.y]|sort"), ("unique", "[ns.x,ns.y]|unique"),
    ]:
        yield f"doubled-{name}", f"{double}{{{{ {use} }}}}"
        yield f"deep-{name}", f"{deep.replace('y', 'z')}{{{{ {use.replace('ns.y', 'ns.x')} }}}}"
    start = "{% set a='a'*1000000 %}{% set b='b'*1000000 %}{% set c=a~'b' %}{% set n=namespace(l=[]) %}{% set m={c: 1} %}" \
        "{% for i in range(100000) %}"
    for name, use in [
        ("strip", "b.strip(c)"), ("trim", "b|trim(c)"), ("find", "'x'.find(a)"), ("count", "'x'.count(a)"),
        ("replace", "'x'.replace(a,'')"), ("split", "'x'.split(a)"), ("ends", "a.endswith((c,)*100000)"), ("key", "n[a]"),
        ("item", "m[a~'c']"), ("path", "[1]|map(attribute='.'*9000000)|list"), ("paths", "[1]|sort(attribute=','*9000000)"),
        ("written", "['\\x01'*4000000]"), ("fields", "'{a}'*1000000%m"), ("filter", "[b]|map('replace',a,'')|list"),
    ]:
        yield f"given-{name}", f"{start}{{{{ {use} }}}}{{% endfor %}}"
    yield "name", "{% set n=namespace(l=[]) %}{% for i in range(5000) %}{% set n.l=n.l+[" + "A" * 7000 + "] %}{% endfor %}"
    yield "key-kept", start + "{% set n.l=n.l+[n[a~i]] %}{% endfor %}"
    yield "recursive", "{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{ f(0) }}"
    for name, begin, end in [("not", "not ", ""), ("paren", "(", ")"), ("list", "[", "]"), ("minus", "-", "")]:
        yield f"nested-{name}", "{{" + begin * 1100 + "1" + end * 1100 + "}}"
    yield "nested-if", "{% if 1 %}" * 300 + "x" + "{% endif %}" * 300
    yield "nested-elif", "{% if 0 %}" + "{% elif 0 %}" * 400 + "{% endif %}"
    yield "chain", "{{1" + "+1" * 2300 + "}}"
    yield "filters", "{{1" + "|string" * 600 + "}}"


def tokenizers():
    tiny = json.loads(TINY.read_text())
    def replace(pattern, content, kind="String"):
        return {"type": "Replace", "pattern": {kind: pattern}, "content": content}
    def split(pattern):
        return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    bytes_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    def with_parts(normalizer=None, splits=(), added=()):
        changed = json.loads(json.dumps(tiny))
        if normalizer:
            changed["normalizer"] = {"type": "Sequence", "normalizers": normalizer}
        if splits:
            changed["pre_tokenizer"] = {
                "type": "Sequence", "pretokenizers": [*(split(pattern) for pattern in splits), bytes_level]}
        first = 1 + max([*changed["model"]["vocab"].values(), *(token["id"] for token in changed["added_tokens"])])
        changed["added_tokens"] += [{"id": first + i, "content": text} for i, text in enumerate(added)]
        return json.dumps(changed, ensure_ascii=False)
    text = "a" * 4000
    yield "replaced", with_parts([replace("a", "a" * 64)] * 31) + "\0" + text
    yield "replaced-empty", with_parts([replace("", "a" * 64)] * 31) + "\0" + text
    yield "replaced-pattern", with_parts([replace("(?=(a+)+b)a", "x", "Regex")]) + "\0" + text
    for name, pattern in [
        ("look", "(?=(a+)+b)a"), ("back", r"(a*)*\1b"), ("repeat", "(?:(?:a{1000}){1000}){1000}"),
        ("slow", r"(?=(?:(?!\x01)[\s\S]){0,500}(?:(?!\x01)[\s\S]){0,500}\x00)[\s\S]"),
        ("behind", "(?<=[^b]{8000})c"), ("behind-not", "(?<![^b]{4000}|[^c]{4000})a"), ("slots", "(?:(?:a|b)?){4000}x|y"),
        ("nested", "(" * 2000 + ")" * 2000), ("classes", r"[\p{L}\p{N}]{900}|" * 100 + "a"),
    ]:
        yield f"pattern-{name}", with_parts(splits=[pattern]) + "\0" + text
    yield "replaced-word", with_parts([replace("a", "7" * 4000), replace("7", "7" * 4)], ["7+"]) + "\0" + text[:100]
    yield "replaced-behind", with_parts([replace("a", "b" * 4000)], ["(?<=[^a]{8000})c"]) + "\0" + text[:100]
    yield "added-overlapping", with_parts(added=["a" * i for i in range(2, 250)]) + "\0" + text
    yield "added-normalized", with_parts([replace("x", "y" * 4000)], added=["x" * 200 + str(i) for i in range(100)]) + "\0" + text
    yield "added", with_parts(added=[f"{i:05}" * 6 for i in range(600)]) + "\0" + text


def forms():
    for count in (2, 16):
        schema = {"type": "string", "allOf": [{"pattern": f".*a.{{{20 + i}}}"} for i in range(count)]}
        yield f"and-{count}", b"\0\0" + json.dumps(schema).encode()
        yield f"items-{count}", b"\0\0" + json.dumps({"items": [{}], "additionalItems": schema, "minItems": 2}).encode()
    for name, number in [("prime", 999983), ("large", 2**31), ("fine", 1e-9), ("odd", 0.123456789)]:
        yield f"multiple-{name}", b"\0\0" + json.dumps({"type": "number", "multipleOf": number}).encode()
    yield "least", b"\0\0" + json.dumps({"type": "integer", "minimum": -2**63}).encode()
    many = {"type": "object", "properties": {f"p{i}": {} for i in range(300)}, "additionalProperties": False}
    yield "properties", b"\0\0" + json.dumps(many).encode()
    yield "nested", b"\0\0" + b'{"items":' * 600 + b"{}" + b"}" * 600
    yield "states", b"\1\0" + b"(.*a.{40}){40}"
    yield "grammar", b"\2\0" + b"start: a\n" + b"".join(f"a{i}: a{i + 1} a{i + 1}\n".encode() for i in range(60))


def patch(file, action, place, new=b""):
    return bytes([file, action, *place.to_bytes(3, "little"), len(new)]) + new


def folders(first):
    for file in range(14):
        yield f"empty-{file}", first + patch(file, 3, 0)
        yield f"cut-{file}", first + patch(file, 3, 100)
        yield f"deep-{file}", first + patch(file, 3, 0) + patch(file, 4, 4000, b"[")
        yield f"flip-{file}", first + patch(file, 5, 40)
        yield f"negative-{file}", first + patch(file, 1, 200, b"-9223372036854775808")


for target, attacks in [
    ("graph", graphs()), ("template", templates()), ("tokenizer", tokenizers()), ("form", forms()),
    ("folder", folders(b"\0")), ("prepared", folders(b"")),
]:
    for name, content in attacks:
        write(target, name, content)
write("session", "patched", b"\1")
write("session", "cut", b"\1\x80")
write("session", "flip", b"\1" + (400).to_bytes(2, "little") + b"\xff")
write("session", "empty", b"\0")
