"""What single units answer to: network dissection with named objects."""
