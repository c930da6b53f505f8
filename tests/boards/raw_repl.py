"""MicroPython's raw REPL for the unix port, which has none: what freeml-deploy talks to. On stdin and stdout.

Needs the terminal in raw mode. Ctrl-A enters, Ctrl-B leaves, Ctrl-D runs what came before it, or resets where nothing did."""

import sys

BANNER = "raw REPL; CTRL-B to exit\r\n>"


def send(text):
    sys.stdout.write(text)


def run(source, names):
    send("OK")
    try:
        exec(compile(source, "<stdin>", "exec"), names)
        send("\x04\x04>")
    except Exception as error:
        send("\x04")
        sys.print_exception(error)
        send("\x04>")


def forget_modules():
    for name in list(sys.modules):
        del sys.modules[name]


def serve():
    raw, source, names = False, b"", {}
    while True:
        byte = sys.stdin.buffer.read(1)
        if not byte:
            return
        if byte == b"\x01":
            raw, source = True, b""
            send(BANNER)
        elif not raw or (byte in (b"\x03", b"\r") and not source):
            pass
        elif byte == b"\x02":
            raw = False
        elif byte == b"\x05" and not source:  # raw paste: not supported
            sys.stdin.buffer.read(2)
            send("R\x00")
        elif byte != b"\x04":
            source += byte
        elif source.strip():
            run(source, names)
            source = b""
        else:
            forget_modules()
            names = {}
            send("OK\r\nMPY: soft reboot\r\n" + BANNER)


serve()
