"""Trains the byte-level BPE on generated dialogues: python train_tokenizer.py --out WORK"""
import argparse
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from dialogue import random_dialogue

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Words with their leading space, single digits, punctuation, line breaks, other white space.
SPLIT = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s*[\r\n]+|\s+(?!\S)|\s+"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--dialogues", type=int, default=30000)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    texts = []
    for _ in range(args.dialogues):
        for role, text in random_dialogue(rng, noise=rng.random() < 0.3, long_chance=0):
            # The replies repeat a few sentences; a small share of them is enough.
            if role == "user" or rng.random() < 0.1:
                texts.append(text)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=args.vocab, special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL],
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), max_token_length=12, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(Path(args.out) / "tokenizer.json"))
    print("vocabulary", tokenizer.get_vocab_size())


if __name__ == "__main__":
    main()
