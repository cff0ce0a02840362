"""Batched generation with a KV cache, for evaluation on a plain CPU."""
import torch

from model import Config, Model


def load(path):
    """A model from a training checkpoint."""
    model = Model(Config())
    model.load_state_dict(torch.load(path)["model"])
    return model.eval()


def load_exported(folder, adapter=None):
    """A model from the exported folder, with a LoRA adapter folded in if one is given."""
    import json
    from pathlib import Path
    from safetensors.torch import load_file
    model = Model(Config())
    state = {k.removeprefix("model."): v.float() for k, v in load_file(str(Path(folder) / "model.safetensors")).items()}
    if adapter:
        config = json.loads((Path(adapter) / "adapter_config.json").read_text())
        weights = load_file(str(Path(adapter) / "adapter_model.safetensors"))
        for key in [k for k in weights if k.endswith("lora_A.weight")]:
            name = key.removeprefix("base_model.model.model.").replace(".lora_A.weight", ".weight")
            delta = weights[key.replace("lora_A", "lora_B")].float() @ weights[key].float()
            state[name] = state[name] + delta * (config["lora_alpha"] / config["r"])
    model.load_state_dict(state)
    return model.eval()


@torch.inference_mode()
def generate(model, prompts, stop, temperature=0.0, limit=128, batch=32, seed=0):
    """Replies (token ids without the stop token) to prompts of token ids; left-padded batches by length."""
    generator = torch.Generator().manual_seed(seed)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    replies = [None] * len(prompts)
    for at in range(0, len(order), batch):
        rows = order[at:at + batch]
        _batch(model, [prompts[i] for i in rows], rows, replies, stop, temperature, limit, generator)
    return replies


def _batch(model, prompts, rows, replies, stop, temperature, limit, generator):
    longest = max(map(len, prompts))
    limit = min(limit, model.config.max_position_embeddings - longest)
    pad = torch.tensor([longest - len(p) for p in prompts])
    ids = torch.tensor([[0] * (longest - len(p)) + list(p) for p in prompts])
    steps = torch.arange(longest)
    visible = steps[None, :] >= pad[:, None]
    positions = (steps[None, :] - pad[:, None]).clamp(min=0)
    # A padding row may look at itself, so that no row of the softmax is empty.
    mask = (steps[None, :, None] >= steps[None, None, :]) & (visible[:, None, :] | torch.eye(longest, dtype=torch.bool)[None])
    caches = [{} for _ in model.layers]
    hidden = model(ids, positions, mask[:, None], caches)[:, -1]
    out = [[] for _ in prompts]
    open_rows = set(range(len(prompts)))
    for step in range(limit):
        logits = model.logits(hidden)
        if temperature > 0:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]
        else:
            chosen = logits.argmax(-1)
        for i in list(open_rows):
            if chosen[i].item() == stop:
                open_rows.discard(i)
            else:
                out[i].append(chosen[i].item())
        if not open_rows:
            break
        visible = torch.cat([visible, torch.ones(len(prompts), 1, dtype=torch.bool)], 1)
        position = (longest + step - pad)[:, None]
        hidden = model(chosen[:, None], position, visible[:, None, None, :], caches)[:, -1]
    for i, row in enumerate(rows):
        replies[row] = out[i]
