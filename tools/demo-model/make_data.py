"""Writes token files for training: python make_data.py --work WORK --name train --dialogues 200000 --seed 1

Each file holds `ids`, `weight` (0 system, 1 customer, 2 reply) and `offsets` of the dialogues."""
import argparse
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from adapter_styles import STYLES

MAX_LENGTH = 1024


class Encoder:
    """Encodes ChatML turns; customer text sometimes with BPE dropout, so that unseen spellings keep their meaning."""

    def __init__(self, path, rng=None, dropout=0.1):
        self.plain = Tokenizer.from_file(str(path))
        self.dropped = Tokenizer.from_file(str(path))
        self.dropped.model.dropout = dropout
        self.rng = rng
        self.start, self.end = (self.plain.token_to_id(t) for t in ("<|im_start|>", "<|im_end|>"))
        self.heads = {r: [self.start] + self.plain.encode(f"{r}\n").ids for r in ("system", "user", "assistant")}
        self.newline = self.plain.encode("\n").ids

    def turn(self, role, text):
        """Token ids and weights of one finished turn."""
        head = self.heads[role]
        use_dropout = role == "user" and self.rng is not None and self.rng.random() < 0.35
        body = (self.dropped if use_dropout else self.plain).encode(text).ids + [self.end]
        level = {"system": 0, "user": 1, "assistant": 2}[role]
        return head + body + self.newline, [0] * len(head) + [level] * len(body) + [0] * len(self.newline)

    def dialogue(self, turns):
        ids, weights = [], []
        for role, text in turns:
            more, levels = self.turn(role, text)
            if len(ids) + len(more) > MAX_LENGTH:
                break
            ids += more
            weights += levels
        return ids, weights

    def prompt(self, turns):
        """Token ids up to the point where the assistant speaks."""
        ids = [t for role, text in turns for t in self.turn(role, text)[0]]
        return ids + self.heads["assistant"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--name", default="train")
    parser.add_argument("--dialogues", type=int, default=200000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--style", default="base", help="base, or the name of an adapter")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    encoder = Encoder(Path(args.work) / "tokenizer.json", rng)
    make = STYLES[args.style]
    ids, weights, offsets = [], [], [0]
    for _ in range(args.dialogues):
        one, levels = encoder.dialogue(make(rng))
        ids.append(np.array(one, np.uint16))
        weights.append(np.array(levels, np.uint8))
        offsets.append(offsets[-1] + len(one))
    np.savez(Path(args.work) / f"{args.name}.npz", ids=np.concatenate(ids), weight=np.concatenate(weights), offsets=np.array(offsets))
    print(args.name, args.dialogues, "dialogues", offsets[-1], "tokens")


if __name__ == "__main__":
    main()
