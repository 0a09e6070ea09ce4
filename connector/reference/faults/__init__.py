"""What goes wrong with real systems, on request: rules that make a server slow, forgetful, wrong or silent."""
