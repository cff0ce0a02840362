"""Trains the base model: python train.py --work WORK --data a,b --steps 6000

One process a core with one thread each; gradients are averaged after every batch.

Loss on the replies, plus a small weight on what customers write, so that rare wordings get a representation too.
Muon for the matrices, AdamW for embedding and norms; warm-up, flat, then a linear decay."""
import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

from model import Config, Model
from muon import Muon


class Batches:
    """Endless length-bucketed batches of whole dialogues, about `tokens` a batch."""

    def __init__(self, paths, tokens, seed):
        parts = [np.load(p) for p in paths]
        self.ids = [p["ids"] for p in parts]
        self.weight = [p["weight"] for p in parts]
        self.where = [(i, a, b) for i, p in enumerate(parts) for a, b in zip(p["offsets"][:-1], p["offsets"][1:])]
        self.tokens, self.rng = tokens, np.random.default_rng(seed)

    def __iter__(self):
        while True:
            order = self.rng.permutation(len(self.where))
            for chunk in np.array_split(order, max(1, len(order) // 8192)):
                chunk = sorted(chunk, key=lambda i: self.where[i][2] - self.where[i][1])
                groups, group = [], []
                for i in chunk:
                    length = self.where[i][2] - self.where[i][1]
                    if group and (len(group) + 1) * length > self.tokens:
                        groups.append(group)
                        group = []
                    group.append(i)
                groups.append(group)
                self.rng.shuffle(groups)
                for group in groups:
                    yield self.batch(group)

    def batch(self, group):
        longest = max(self.where[i][2] - self.where[i][1] for i in group)
        longest = -(-longest // 16) * 16
        ids = np.zeros((len(group), longest), np.int64)
        weight = np.zeros((len(group), longest), np.uint8)
        for row, i in enumerate(group):
            part, a, b = self.where[i]
            ids[row, : b - a] = self.ids[part][a:b]
            weight[row, : b - a] = self.weight[part][a:b]
        return torch.from_numpy(ids), torch.from_numpy(weight)


def losses(model, ids, weight, user_weight):
    """Weighted cross-entropy and the plain reply loss; of the customers' tokens a random fifth is enough."""
    hidden = model(ids)[:, :-1]
    level, target = weight[:, 1:], ids[:, 1:]
    keep = (level == 2) | ((level == 1) & (torch.rand(level.shape) < 0.2))
    logits = model.logits(hidden[keep]).float()
    each = F.cross_entropy(logits, target[keep], reduction="none")
    reply = level[keep] == 2
    reply_loss = each[reply].mean()
    user_loss = each[~reply].mean() if user_weight else torch.zeros(())
    return reply_loss + user_weight * user_loss, reply_loss.detach(), user_loss.detach()


def optimizers(model, lr, embed_lr):
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    muon = Muon(matrices, lr=lr)
    adam = torch.optim.AdamW(others, lr=embed_lr, betas=(0.9, 0.98), weight_decay=0.01)
    return [muon, adam]


def schedule(done, warm=0.02, decay=0.35):
    """Factor on the learning rate after this share of the run."""
    return min(1.0, done / warm, max(0.02, (1 - done) / max(decay, 1e-9)))


def average_gradients(model, world):
    """All-reduce of one flat vector."""
    flat = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    dist.all_reduce(flat)
    flat /= world
    at = 0
    for p in model.parameters():
        p.grad.copy_(flat[at:at + p.numel()].view_as(p))
        at += p.numel()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--data", default="train")
    parser.add_argument("--name", default="base")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=0, help="length of the run in minutes instead of steps")
    parser.add_argument("--tokens", type=int, default=6144, help="tokens of a batch in each process")
    parser.add_argument("--world", type=int, default=2, help="processes")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--embed-lr", type=float, default=3e-3)
    parser.add_argument("--user-weight", type=float, default=0.15)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decay", type=float, default=0.35, help="share of the run in which the rate falls")
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16: for processors with AMX or AVX512-BF16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--init", help="start from this checkpoint")
    return parser.parse_args()


def main(rank, args):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meeting}", rank=rank, world_size=args.world)
    torch.manual_seed(args.seed)
    work = Path(args.work)
    model = Model(Config())
    if args.init:
        model.load_state_dict(torch.load(work / args.init)["model"])
    for layer in model.layers:
        layer.dropout.p = args.dropout
    if args.compile:
        model.compile(dynamic=True)
    torch.manual_seed(args.seed + 1000 * rank)
    batches = iter(Batches([work / f"{n}.npz" for n in args.data.split(",")], args.tokens, args.seed + 1000 * rank))
    groups = optimizers(model, args.lr, args.embed_lr)
    base_rates = [[g["lr"] for g in o.param_groups] for o in groups]
    began = saved = time.time()
    clock = torch.zeros(1)
    seen, step, reply_sum, user_sum, count = 0, 0, 0.0, 0.0, 0
    while True:
        clock[0] = (time.time() - began) / (60 * args.minutes) if args.minutes else step / args.steps
        dist.broadcast(clock, 0)
        done = clock.item()
        if done >= 1:
            break
        for optimizer, rates in zip(groups, base_rates):
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * schedule(done, decay=args.decay)
        ids, weight = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss, reply_loss, user_loss = losses(model, ids, weight, args.user_weight)
        loss.backward()
        average_gradients(model, args.world)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in groups:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step, seen, count = step + 1, seen + ids.numel() * args.world, count + 1
        reply_sum, user_sum = reply_sum + reply_loss.item(), user_sum + user_loss.item()
        if step % 20 == 0 and rank == 0:
            print(f"step {step} done {done:.3f} reply {reply_sum / count:.4f} user {user_sum / count:.3f} "
                  f"tokens {seen / 1e6:.1f}M {seen / (time.time() - began):.0f}/s", flush=True)
            reply_sum = user_sum = count = 0
        if time.time() - saved > 60 and rank == 0:
            save(model, step, work / f"{args.name}.pt")
            saved = time.time()
    if rank == 0:
        save(model, step, work / f"{args.name}.pt")
        print("finished", step, f"{time.time() - began:.0f} s", flush=True)
    dist.destroy_process_group()


def save(model, step, path):
    """Write beside, then rename: a reader never sees half a file."""
    torch.save({"model": model.state_dict(), "step": step}, f"{path}.new")
    os.replace(f"{path}.new", path)


if __name__ == "__main__":
    arguments = parse_arguments()
    arguments.meeting = Path(tempfile.mkdtemp()) / "meeting"
    torch.multiprocessing.spawn(main, (arguments,), nprocs=arguments.world)
