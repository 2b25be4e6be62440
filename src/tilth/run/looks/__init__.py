"""What `tilth inspect` counts while rows pass: each kind of count knows how to add up over shards."""
