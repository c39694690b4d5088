"""The core: which slot is in which state, and what is to be done next. Pure: time comes in, orders come out."""
