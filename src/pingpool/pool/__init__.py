"""Every rule of lending and of a pool's life, once for all worlds: coroutines that know no thread, no loop, no time."""
