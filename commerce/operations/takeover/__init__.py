"""The organisation takes over what its people bought: access and control at once, money and records a week later."""
