"""onnxruntime-genai loads the CPU variant's folder of our int4 package, encodes our prompts to our ids and
gives our greedy tokens."""

from conversations import QUESTIONS, user
from greedy import Genai
from wheelwork import TINY_R1, Verdict, arguments

MAX_TOKENS = 64

wheelwork, _ = arguments()
verdict = Verdict()
package = wheelwork.quantize(TINY_R1, "balanced")
genai = Genai(package / "cpu")
for question in QUESTIONS:
    text, ids = wheelwork.prompt(package / "cpu", user(question))
    verdict.expect_equal(ids, genai.encode(text), f"ids of {question!r}")
    ours = wheelwork.generate(package, ids, MAX_TOKENS)
    verdict.expect_equal(ours, genai.generate(ids, MAX_TOKENS), f"{len(ours)} greedy tokens for {question!r}")
verdict.finish()
