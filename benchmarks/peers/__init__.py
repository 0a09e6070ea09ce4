"""What a user would pick instead, doing the floor's one-way copy; each runs in an environment of its own."""
