"""Pages beside an audit's report: single images, units."""
