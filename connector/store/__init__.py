"""Remember: links, bases, inbox, journal, in one SQL database."""
