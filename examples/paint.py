"""Paint a picture from Python and look at what came of it."""

import numpy as np
from PIL import Image

import reelbrush

content = Image.open("samples/picture.jpg")  # a path or an array would do as well
result = reelbrush.stylize_image(content, {"samples/ink.jpg": 0.7, "samples/mosaic.jpg": 0.3}, size=128, strength=0.6)
print(result)  # in a notebook, `result` as the last line shows the picture
beside = np.hstack([result.content, result.image])
Image.fromarray(beside).save("beside.png")
