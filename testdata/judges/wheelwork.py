"""The `wheelwork` command as the judges call it, and the verdict that a judge ends with.

1. `arguments()` reads what `cargo xtask judges` gives: the command, and a folder for what is made on the way.
2. The methods of `Wheelwork` each run one command and give its results as values.
3. `Verdict.expect` compares; `Verdict.finish` ends the script, with exit code 1 when anything differed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

TESTDATA = Path(__file__).resolve().parent.parent
TINY_R1 = TESTDATA / "tiny-r1"
FAMILIES = TESTDATA / "families"
# The exit code of `generate` where the limit of tokens cut the answer.
CUT = 3


def arguments():
    """The command, and the folder for what is made on the way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheelwork", type=Path, required=True, help="the command's program")
    parser.add_argument("--work", type=Path, required=True, help="a folder for packages and other results")
    given = parser.parse_args()
    return Wheelwork(given.wheelwork, given.work), given.work


class Refused(Exception):
    """A command has failed, with a code and a class."""

    def __init__(self, command, error, stderr):
        super().__init__(f"`{command}` failed: {error.get('message') or stderr}")
        self.code, self.kind = error.get("code"), error.get("class", "bug")


class Wheelwork:
    """The command's program; packages that it makes go into `work`. Commands that fail raise `Refused`."""

    def __init__(self, program, work):
        self.program = program
        self.work = work

    def quantize(self, checkpoint, quality, block_size=None, name=None):
        """Makes a package and gives its folder."""
        package = self.work / f"{name or checkpoint.name}-{quality}{block_size or ''}.ortpackage"
        blocks = ["--block-size", block_size] if block_size else []
        self.run("quantize", checkpoint, "--out", package, "--quality", quality, *blocks, "--overwrite", "--json")
        return package

    def inspect(self, model):
        """What a package says of itself."""
        return self.run("inspect", model, "--json")[-1]

    def generate(self, model, prompt_ids, max_tokens):
        """The ids of a greedy generation, without the stop token."""
        finished = self.run(
            "generate", "--model", model, "--prompt-ids", ",".join(map(str, prompt_ids)),
            "--max-tokens", max_tokens, "--temperature", 0, "--json", codes=(0, CUT),
        )[-1]
        assert finished["event"] == "Finished", finished
        ids = finished["token_ids"]
        return ids[:-1] if finished["reason"] == "stop" else ids

    def key(self, name):
        """Makes a key pair in `work`, where there is none yet, and gives the public key's PEM."""
        public = self.work / f"{name}.pub.pem"
        if not public.exists():
            self.run("key", self.work / name)
        return public.read_bytes()

    def pack(self, folder, name, version, key):
        """Packs and signs; gives what the command says of it, and the file."""
        file = self.work / f"{name}.wwpkg"
        file.unlink(missing_ok=True)
        packed = self.run(
            "pack", folder, "--out", file, "--name", name, "--version", version,
            "--key", self.work / f"{key}.key.pem", "--json",
        )[-1]
        return packed, file

    def prompt(self, tokenizer, messages, template=None):
        """What the model would see: text and ids."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", dir=self.work) as file:
            json.dump(messages, file)
            file.flush()
            chosen = ["--template", template] if template else []
            [shown] = self.run("prompt", "--tokenizer", tokenizer, "--messages", file.name, *chosen, "--json")
        return shown["text"], shown["ids"]

    def rendered(self, messages, source):
        """What a template makes of messages for tiny-r1, or `None` where it is refused."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            template, conversation = Path(folder, "template.jinja"), Path(folder, "messages.json")
            template.write_text(source, encoding="utf-8", newline="")
            conversation.write_text(json.dumps(messages), encoding="utf-8")
            command = [self.program, "prompt", "--tokenizer", TINY_R1, "--messages", conversation, "--template", template, "--json"]
            done = subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", check=False)
        return json.loads(done.stdout)["text"] if done.returncode == 0 else None

    def run(self, *words, codes=(0,)):
        """Runs one command, which ends with one of these exit codes, and gives the JSON values that it wrote, one a line."""
        command = [str(word) for word in (self.program, *words)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False)
        if done.returncode not in codes:
            errors = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"error"')]
            raise Refused(" ".join(command), errors[-1]["error"] if errors else {}, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Verdict:
    """Collects comparisons, so that one run shows every difference."""

    def __init__(self):
        self.failures = 0

    def expect(self, holds, what, detail=""):
        """`detail` is shown where the comparison fails."""
        print(f"  {'same' if holds else 'DIFFERENT'}: {what}")
        if not holds:
            self.failures += 1
            print(f"    {detail}")

    def expect_equal(self, ours, theirs, what):
        """Two lists or texts; a difference is shown from its first element."""
        pairs = enumerate(zip(ours, theirs))
        first = next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
        detail = (
            f"from element {first} of {len(ours)} and {len(theirs)}: "
            f"ours {ours[first:first + 8]!r}, theirs {theirs[first:first + 8]!r}"
        )
        self.expect(ours == theirs, what, detail)

    def finish(self):
        """Ends the script."""
        sys.exit(f"{self.failures} differences" if self.failures else 0)
