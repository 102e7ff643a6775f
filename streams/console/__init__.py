"""The console in the browser and its JSON API: what the SQL view says, to whom it may be said, and a record of it."""
