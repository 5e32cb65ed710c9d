"""The HTTP gateway: everything that speaks somebody else's protocol on the way in."""
