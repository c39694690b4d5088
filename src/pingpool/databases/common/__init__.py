"""What several kinds of databases need: sockets, URLs, passwords, labels, equality, and imports on demand."""
