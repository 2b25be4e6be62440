"""Hold what a `tilth.bytes.store.Store` is made of: a folder, S3, Google Cloud Storage, HDFS."""
