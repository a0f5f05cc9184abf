"""Where answers come from: a fake model, or an upstream server."""
