"""Our runtime loads the folder that onnxruntime-genai's model builder makes from the shipped checkpoint, and
gives genai's greedy tokens; our prompt from that folder is the prompt from the checkpoint."""

import shutil
import subprocess
import sys

from conversations import QUESTIONS, user
from greedy import Genai
from wheelwork import TINY_R1, Verdict, arguments

MAX_TOKENS = 64

wheelwork, work = arguments()
verdict = Verdict()
folder = work / "builder-int4"
shutil.rmtree(folder, ignore_errors=True)
builder = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-m", "tiny-r1", "-p", "int4", "-e", "cpu"]
done = subprocess.run(
    [*builder, "-i", TINY_R1, "-o", folder, "-c", work / "builder-cache"],
    capture_output=True, encoding="utf-8", check=False)
if done.returncode != 0:
    sys.exit(f"the model builder failed:\n{done.stdout}\n{done.stderr}")
genai = Genai(folder)
for question in QUESTIONS:
    text, ids = wheelwork.prompt(TINY_R1, user(question))
    verdict.expect_equal(wheelwork.prompt(folder, user(question)), (text, ids), f"prompt of {question!r}")
    ours = wheelwork.generate(folder, ids, MAX_TOKENS)
    verdict.expect_equal(ours, genai.generate(ids, MAX_TOKENS), f"{len(ours)} greedy tokens for {question!r}")
verdict.finish()
