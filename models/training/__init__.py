"""Train the model that ships in the package: from source code to a Hugging Face folder."""
