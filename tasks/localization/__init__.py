"""How well a box cut from a map finds the object: a numpy and OpenCV restatement of the papers."""
