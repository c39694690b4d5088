"""What both worlds stand on: the time, what a database answers, what is said of trouble, what a fork leaves behind."""
