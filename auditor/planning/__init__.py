"""Policy, inventory, checks and now become a plan. Pure."""
