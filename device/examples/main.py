"""A complete program: one sample, one answer, whatever happens to the power."""

from freeml import Model

model = Model("model.fml", nvm="model.nvm")  # progress is kept in the file model.nvm
answer = model.resume()  # finishes what was under way when power went
if answer is None:
    with open("sample.bin", "rb") as sensor:
        answer = model.infer(sensor.read(model.sample_size))
print("label", answer.label, "scores", answer.scores)
model.cancel()  # the answer has been used
