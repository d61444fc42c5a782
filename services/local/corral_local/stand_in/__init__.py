"""Stand-ins for providers: real HTTP servers that answer as they do, refuse as they do, and count who breaks their rules."""
