"""The planted benchmark: is what the audit blames really to blame?

Words
-----
arm       one kind of shortcut (or none): texture, tag, cast, blur, other, clean
cue       what goes with a class: a background kind, the colour of a mark, a tint, a blur
planted   a class that in training is mostly shown with its own cue; the others are controls
pool      objects and backgrounds rendered once; pictures are composed from them
driven    a mistake that turns right when the very same object is rendered on other backgrounds
"""
