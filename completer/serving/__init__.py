"""One request from text to text: the service, the model that it has, prompts, choices, caches."""
