"""The Hugging Face Hub, as `huggingface_hub` speaks to it."""
