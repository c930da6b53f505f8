"""What a blob or an NVM image says, in plain words: `freeml-inspect`."""
