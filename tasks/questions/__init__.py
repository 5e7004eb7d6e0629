"""Questions about pictures, their answers, and where in the picture an answer comes from."""
