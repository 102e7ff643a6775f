"""The engines that are measured beside each other on the same claims."""
