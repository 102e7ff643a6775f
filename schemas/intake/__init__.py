"""Foreign formats -> our events. Pure: text in, events and refusals out; who reads files is outside."""
