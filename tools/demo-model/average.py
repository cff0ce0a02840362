"""Averages the weights of checkpoints of one run.

The average of neighbouring stretches lies in a flatter place than any of them and reads unseen wordings better
(Wortsman et al., Model soups, 2022).
"""
import argparse
from pathlib import Path

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True, help="name of the new checkpoint")
    parser.add_argument("parts", nargs="+", help="name:share, such as stretch6:0.5")
    args = parser.parse_args()
    work = Path(args.work)
    parts = [(name, float(share)) for name, share in (part.split(":") for part in args.parts)]
    total = sum(share for _, share in parts)
    average = {}
    for name, share in parts:
        for key, value in torch.load(work / f"{name}.pt")["model"].items():
            average[key] = average.get(key, 0) + value * (share / total)
    torch.save({"model": average, "step": 0}, work / f"{args.out}.pt")


if __name__ == "__main__":
    main()
