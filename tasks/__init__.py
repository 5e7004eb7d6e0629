"""The stages of an audit, each on one shard or on merged tables. They read and write Parquet."""
