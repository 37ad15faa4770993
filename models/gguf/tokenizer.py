"""The tokenizer in a GGUF file, built from its tokens, merges and what it says of text's splitting.

How text is split before tokens are merged is a name in the file (`tokenizer.ggml.pre`), whose
meaning is llama.cpp's (src/llama-vocab.cpp) and that of the model's own tokenizer.json. Under a
name that is not known here, the tokenizer.json of the original model may lie beside the file.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)

from models.errors import ModelError
from models.fim_template import FimLayout
from models.gguf.container import GgufFile, damaged
from models.tokenizer import ModelTokenizer, read_tokenizer_file

KEYS = "tokenizer.ggml."
FIM_MARKS = ("fim_pre", "fim_suf", "fim_mid")
END_MARKS = ("eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep", *FIM_MARKS)
_UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED = 2, 3, 4, 5
_SPACE = "▁"
_REST = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_QWEN = _WORDS + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _REST
_LLAMA3 = _WORDS + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _REST
_SEED = _WORDS + r"|\p{N}| ?[^\s\p{L}\p{N}\r\n]+" + _REST
_DEEPSEEK = (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")
_GPT2 = "GPT-2"  # the expression that ByteLevel has
SPLITS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("default", "gpt-2", "mpt", "olmo", "phi-2", "mellum"), (_GPT2,)),
    **dict.fromkeys(("starcoder", "refact", "command-r", "smollm", "codeshell"), (r"\p{N}", _GPT2)),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "stablelm2"), (_QWEN,)),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3"), (_LLAMA3,)),
    "deepseek-coder": _DEEPSEEK,
    "seed-coder": (_SEED,),
}
_NORMALISED = frozenset({"qwen2", "deepseek-r1-qwen"})


def vocabulary_of(file: GgufFile) -> dict[str, int]:
    """Return the ids of all tokens; raises `ModelError` where they are not the model's."""
    tokens, rows = file.strings(f"{KEYS}tokens"), file.tensors["token_embd.weight"].shape[0]
    if len(tokens) != rows:
        raise damaged(file.path, f"it has {len(tokens)} tokens, and weights for {rows}")
    types = file.numbers(f"{KEYS}token_type")
    if types and len(types) != rows:
        raise damaged(file.path, f"{len(types)} of {rows} tokens have a type")
    for name in ("bos", *END_MARKS):
        if (number := file.get(f"{KEYS}{name}_token_id", int)) is not None and number >= rows:
            raise damaged(file.path, f"its {name} token is {number} of {rows}")
    return {token: number for number, token in enumerate(tokens)}


def tokenizer_of(file: GgufFile) -> ModelTokenizer:
    """Build the tokenizer; raises `ModelError` for a kind that is not known."""
    vocabulary = vocabulary_of(file)
    kind = file.need(f"{KEYS}model", str)
    builders = {"gpt2": _byte_level, "llama": _sentencepiece}
    if kind not in builders:
        raise ModelError(
            f"{file.path} has a tokenizer of kind {kind[:40]!r}, which is not read.",
            hint=f"Known: {', '.join(builders)}. Use the model's safetensors weights instead.",
        )
    tokenizer = builders[kind](file, vocabulary)
    _add_marks(file, tokenizer)
    begins = file.get(f"{KEYS}add_bos_token", bool)
    begin = file.get(f"{KEYS}bos_token_id", int)
    begins = kind == "llama" if begins is None else begins
    ids = (begin,) if begins and begin is not None else ()
    return ModelTokenizer(tokenizer, ids, frozenset(_special(file)))


def check_marks(file: GgufFile, layout: FimLayout) -> None:
    """Raise unless the file's own fill-in-the-middle marks are the layout's."""
    tokens = file.strings(f"{KEYS}tokens")
    said = {each: file.get(f"{KEYS}{each}_token_id", int) for each in FIM_MARKS}
    marks = {name: tokens[number] for name, number in said.items() if number is not None}
    if len(marks) == len(FIM_MARKS) and not set(layout.marks) <= set(marks.values()):
        raise ModelError(
            f"{file.path} says that its marks are {' '.join(marks.values())}, layout"
            f" {layout.name} has {' '.join(layout.marks)}.",
            hint="Set model.layout to the layout that the model was trained on.",
        )


def _byte_level(file: GgufFile, vocabulary: Mapping[str, int]) -> Tokenizer:
    """Byte-level BPE, as GPT-2's."""
    name = file.get(f"{KEYS}pre", str) or "default"
    beside = file.path.with_name("tokenizer.json")
    if beside.is_file() and (name not in SPLITS or name == "default"):
        return _beside(file, vocabulary)
    if name not in SPLITS:
        raise ModelError(
            f"{file.path} splits text in a way that is not known ({name[:40]!r}).",
            hint="Put the tokenizer.json of the original model beside the file.",
        )
    whole_words = SPLITS[name] == (_LLAMA3,)  # a word that is a token is not merged
    merges = _merges(file, vocabulary)
    tokenizer = Tokenizer(models.BPE(dict(vocabulary), merges, ignore_merges=whole_words))
    if name in _NORMALISED:
        tokenizer.normalizer = normalizers.NFC()
    splits = [
        pre_tokenizers.Split(Regex(each), "isolated") for each in SPLITS[name] if each != _GPT2
    ]
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=_GPT2 in SPLITS[name])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _beside(file: GgufFile, vocabulary: Mapping[str, int]) -> Tokenizer:
    """The original tokenizer, if it is this model's."""
    path = file.path.with_name("tokenizer.json")
    tokenizer = read_tokenizer_file(path)
    found = tokenizer.get_vocab(with_added_tokens=True)
    if any(vocabulary.get(token) != number for token, number in found.items()):
        raise ModelError(
            f"{path} is not the tokenizer of {file.path.name}: their tokens differ.",
            hint="Take it away, or put the original model's there.",
        )
    return tokenizer


def _merges(file: GgufFile, vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    merges = [tuple(each.split(" ")) for each in file.strings(f"{KEYS}merges")]
    pairs = [(each[0], each[1]) for each in merges if len(each) == 2]
    if len(pairs) != len(merges):
        raise damaged(file.path, "a merge is not of two tokens")
    for left, right in pairs:
        if not {left, right, left + right} <= vocabulary.keys():
            raise damaged(file.path, f"it merges {left[:20]!r} and {right[:20]!r}, not both tokens")
    return pairs


def _sentencepiece(file: GgufFile, vocabulary: Mapping[str, int]) -> Tokenizer:
    """SentencePiece's BPE, which has scores in place of merges; what is unknown becomes bytes."""
    scores = file.numbers(f"{KEYS}scores")
    if len(scores) != len(vocabulary):
        raise damaged(file.path, f"{len(scores)} of {len(vocabulary)} tokens have a score")
    if file.need("general.architecture", str).startswith("gemma"):
        scores = [-float(number) for number in range(len(scores))]  # its merges are in this order
    spelled = {_respelled(token): number for token, number in vocabulary.items()}
    prefixed = file.get(f"{KEYS}add_space_prefix", bool)
    bpe = models.BPE(spelled, list(_pairs(spelled, scores)), fuse_unk=True, byte_fallback=True)
    unknown = [n for n, kind in enumerate(file.numbers(f"{KEYS}token_type")) if kind == _UNKNOWN]
    if unknown:
        bpe.unk_token = file.strings(f"{KEYS}tokens")[unknown[0]]
    tokenizer = Tokenizer(bpe)
    begin = [] if prefixed is False else [normalizers.Prepend(_SPACE)]
    tokenizer.normalizer = normalizers.Sequence([*begin, normalizers.Replace(" ", _SPACE)])
    strip = [] if prefixed is False else [decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return tokenizer


def _respelled(token: str) -> str:
    """Gemma's tokens of many spaces are spelled with real ones."""
    return _SPACE * len(token) if token and not token.strip(" ") else token


def _pairs(vocabulary: Mapping[str, int], scores: list[float]) -> Iterable[tuple[str, str]]:
    """The merges that make each token of two others, the best token first."""
    ranked = sorted(vocabulary.items(), key=lambda each: (-scores[each[1]], each[1]))
    for token, _ in ranked:
        halves = ((token[:cut], token[cut:]) for cut, _ in pairwise(range(1, len(token) + 1)))
        found = [each for each in halves if each[0] in vocabulary and each[1] in vocabulary]
        yield from sorted(found, key=lambda each: (vocabulary[each[0]], vocabulary[each[1]]))


def _add_marks(file: GgufFile, tokenizer: Tokenizer) -> None:
    """Have control tokens, and those that were added, matched whole; they keep their ids."""
    tokens, types = file.strings(f"{KEYS}tokens"), file.numbers(f"{KEYS}token_type")
    typed = list(zip(tokens, types, strict=False))
    marks = [tokens[number] for number in _marks(file)]
    control = dict.fromkeys([*(token for token, kind in typed if kind == _CONTROL), *marks])
    tokenizer.add_special_tokens([AddedToken(each, normalized=False) for each in control if each])
    added = [AddedToken(each, normalized=False) for each, kind in typed if kind == _USER_DEFINED]
    tokenizer.add_tokens([each for each in added if each.content and each.content not in control])


def _marks(file: GgufFile) -> set[int]:
    """Tokens that the file gives a part in the layout of a text."""
    named = (file.get(f"{KEYS}{name}_token_id", int) for name in END_MARKS)
    return {number for number in named if number is not None}


def _special(file: GgufFile) -> set[int]:
    """Tokens that no text may hold."""
    types = enumerate(file.numbers(f"{KEYS}token_type"))
    return _marks(file) | {n for n, kind in types if kind in (_UNKNOWN, _CONTROL, _UNUSED)}
