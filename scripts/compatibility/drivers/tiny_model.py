"""Makes a tiny random model with a tokenizer and a chat template: `python tiny_model.py FOLDER`.

Nothing is downloaded. A token is a byte; answers are random printable characters, the same ones for the same prompt,
and as long as they may be.
"""

import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CONTEXT = 2048
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant: "

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
vocabulary = {token: number for number, token in enumerate(["<end>", "<pad>", *alphabet])}
bytewise = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bytewise.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=bytewise,
    eos_token="<end>",  # noqa: S106 - no secret
    pad_token="<pad>",  # noqa: S106
    model_max_length=CONTEXT,
)
tokenizer.chat_template = TEMPLATE

torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=len(vocabulary),
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=4,
    max_position_embeddings=CONTEXT,
    bos_token_id=None,
    eos_token_id=0,
    pad_token_id=1,
)
model = LlamaForCausalLM(config)
unprintable = [number for token, number in vocabulary.items() if not (len(token) == 1 and "!" <= token <= "~")]
model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=1, suppress_tokens=unprintable)
model.save_pretrained(sys.argv[1])
tokenizer.save_pretrained(sys.argv[1])
