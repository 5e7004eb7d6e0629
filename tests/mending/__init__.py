"""Is what the audit finds mended? Models with a planted shortcut are mended and audited again.

Words
-----
group      a label on a background; the worst is the one with the lowest accuracy
held out   images that the shortcut model was not trained on, of every group at least ten
mend       last layer (DFR), backgrounds (composites) or reweight
"""
