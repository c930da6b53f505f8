"""The command `freeml-deploy`: puts a blob and what it needs onto a MicroPython board, and checks that it works there.

`modules` knows the files, `board` talks to the board, `install` brings them together, `cli` shows it."""
