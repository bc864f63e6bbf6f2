"""Real disk images, made with the tools that people make them with."""
