"""What all tests and trials share, without a client: raw servers, mock processes, responses and events to send."""
