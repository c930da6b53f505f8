"""Memory for a network, or how much of it is missing."""

import gc


def allocate(*sizes):
    """A bytearray of each size. MemoryError says how many bytes are missing and what to do."""
    found = []
    try:
        for size in sizes:
            found.append(bytearray(size))
        return found
    except MemoryError:
        found.clear()
    gc.collect()
    raise MemoryError(_advice(sizes, gc.mem_free()))


def _advice(sizes, free):
    needed = sum(sizes)
    if free >= needed:
        return f"the heap has {free} bytes, but not {max(sizes)} in one piece; open the model first thing in the program"
    return (
        f"the network needs {needed} bytes of RAM, the heap lacks {needed - free} of them; "
        f"pack it with freeml-pack --ram {free}, or free some memory"
    )
