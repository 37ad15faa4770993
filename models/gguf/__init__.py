"""GGUF, llama.cpp's file format: one file holds a model's sizes, tokenizer and weights."""
