"""onnxruntime-genai's greedy tokens for a model folder."""

import onnxruntime_genai as og


class Genai:
    """A model that onnxruntime-genai has loaded."""

    def __init__(self, folder):
        self.model = og.Model(str(folder))
        self.tokenizer = og.Tokenizer(self.model)
        self.stop = {int(token) for token in self.tokenizer.eos_token_ids}

    def encode(self, text):
        """Ids by genai's own tokenizer, control tokens included."""
        return [int(token) for token in self.tokenizer.encode(text)]

    def generate(self, prompt_ids, max_tokens):
        """The ids of a greedy generation, without the stop token."""
        parameters = og.GeneratorParams(self.model)
        parameters.set_search_options(do_sample=False, max_length=len(prompt_ids) + max_tokens)
        generator = og.Generator(self.model, parameters)
        generator.append_tokens(prompt_ids)
        while not generator.is_done():
            generator.generate_next_token()
        ids = [int(token) for token in generator.get_sequence(0)][len(prompt_ids):]
        return ids[:-1] if ids and ids[-1] in self.stop else ids
