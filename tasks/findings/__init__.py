"""What the evidence of single images says about classes, pairs of classes and slices."""
