"""What the system promises, under kills, freezes, lost brokers and bad input; and runs that must be caught."""
