"""many.py on a power supply that fails.  micropython many_with_cuts.py WRITE SEED NVM_SIZE FOLDER

Runs model.fml on samples.bin; answers and NVM lie in FOLDER. The process dies in nonvolatile write number WRITE (0: never);
start it again, as often as it takes, until it ends by itself. It then prints the number of writes."""

import sys

from many import run
from power_cut import CutFile, CutNVM, PowerCut


def open_for_update(path):
    try:
        return open(path, "r+b")
    except OSError:
        return open(path, "w+b")


write, seed, nvm_size = map(int, sys.argv[1:4])
folder = sys.argv[4]
power = PowerCut(write, seed)
nvm = CutNVM(folder + "/model.nvm", nvm_size, power)
answers = CutFile(open_for_update(folder + "/answers.bin"), power)
with open("samples.bin", "rb") as samples:
    run("model.fml", nvm, samples, answers)
print(power.writes)
