"""The image explorer: every audited image, searched and looked at in the browser."""
