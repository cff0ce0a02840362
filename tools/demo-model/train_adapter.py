"""Trains a LoRA adapter on the finished base model and writes it in PEFT layout:

    python train_adapter.py --work WORK --base base --data returns-desk --out ../../resources/adapters/demo/returns-desk
"""
import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from generate import load
from train import Batches, losses, schedule

RANK, ALPHA, TARGETS = 8, 16, ("q_proj", "v_proj")


class Lora(nn.Module):
    """A frozen linear layer with a low-rank correction beside it."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.a = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features ** 0.5)
        self.b = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, x):
        return self.base(x) + (x @ self.a.T.to(x.dtype)) @ self.b.T.to(x.dtype) * (ALPHA / RANK)


def add_adapters(model):
    for p in model.parameters():
        p.requires_grad_(False)
    for layer in model.layers:
        for name in TARGETS:
            setattr(layer.self_attn, name, Lora(getattr(layer.self_attn, name)))
    return [p for p in model.parameters() if p.requires_grad]


def export(model, out):
    """adapter_config.json and adapter_model.safetensors as PEFT writes them, in fp16."""
    out.mkdir(parents=True, exist_ok=True)
    state = {}
    for i, layer in enumerate(model.layers):
        for name in TARGETS:
            lora = getattr(layer.self_attn, name)
            prefix = f"base_model.model.model.layers.{i}.self_attn.{name}"
            state[f"{prefix}.lora_A.weight"] = lora.a.detach().half().contiguous()
            state[f"{prefix}.lora_B.weight"] = lora.b.detach().half().contiguous()
    save_file(state, str(out / "adapter_model.safetensors"), metadata={"format": "pt"})
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "demo", "r": RANK, "lora_alpha": ALPHA,
              "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False, "inference_mode": True, "use_rslora": False,
              "use_dora": False, "modules_to_save": None, "target_modules": list(TARGETS)}
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--base", default="base")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--tokens", type=int, default=3072)
    parser.add_argument("--lr", type=float, default=6e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16: for processors with AMX or AVX512-BF16")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    work = Path(args.work)
    model = load(work / f"{args.base}.pt").train()
    trainable = add_adapters(model)
    optimizer = torch.optim.AdamW(trainable, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.0)
    batches = iter(Batches([work / f"{args.data}.npz"], args.tokens, args.seed))
    began, total, step = time.time(), 0.0, 0
    while True:
        done = (time.time() - began) / (60 * args.minutes) if args.minutes else step / args.steps
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = args.lr * schedule(done, warm=0.05, decay=0.5)
        ids, weight = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss, reply, _ = losses(model, ids, weight * (weight == 2), 0.0)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, total = step + 1, total + reply.item()
        if step % 25 == 0:
            print(f"step {step} done {done:.2f} reply {total / 25:.4f} {time.time() - began:.0f} s", flush=True)
            total = 0.0
    export(model, Path(args.out))
    print("finished", step, "steps", f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
