"""Hold cached bytes: on this machine's disk, in Redis, in memcached. What `tilth.bytes.cache` is made of."""
