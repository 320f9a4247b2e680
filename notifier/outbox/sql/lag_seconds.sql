-- Fragment: how many seconds reading of the shard `s` is behind. Also grows for a shard that no bridge reads.
extract(epoch FROM now() - {read_until})
