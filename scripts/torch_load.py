#!/usr/bin/env python3
"""A transformers model and its tokenizer from one file that `cake export NAME --format fast` wrote: no network, no copy."""
import os, sys, tempfile, zipfile
import torch, transformers
from transformers.initialization import no_init_weights

def load(path):
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:  # the small files; the tensors stay where they are
            for name in archive.namelist():
                if name.startswith("archive/files/") and not name.endswith(".index.json"):
                    archive.extract(name, folder)
        folder = os.path.join(folder, "archive", "files")
        config = transformers.AutoConfig.from_pretrained(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        kind, tensors = getattr(transformers, config.architectures[0]), torch.load(path, mmap=True, weights_only=True)
        with torch.device("meta"), no_init_weights():  # the shape of the model, without memory for it
            model = kind._from_config(config)
        found = model.load_state_dict(tensors, strict=False, assign=True)
        model.tie_weights()
        for module in {m for m in model.modules() if any(b.is_meta for b in m.buffers(recurse=False))}:
            if not any(True for _ in module.parameters(recurse=False)):  # computed, not kept: a rotary embedding's angles
                module.to_empty(device="cpu", recurse=False)
                model._init_weights(module)
        if found.unexpected_keys or any(part.is_meta for part in [*model.parameters(), *model.buffers()]):
            model = kind.from_pretrained(None, config=config, state_dict=tensors)  # its names are others: it knows them
        if os.path.exists(os.path.join(folder, "generation_config.json")):
            model.generation_config = transformers.GenerationConfig.from_pretrained(folder)
        return model.eval(), tokenizer

if __name__ == "__main__":
    model, tokenizer = load(sys.argv[1])
    print(f"{type(model).__name__}, {model.num_parameters()} parameters, {type(tokenizer).__name__} of {len(tokenizer)}")
