-- Fragment: the condition of every write by the bridge that holds the lease of a rewind: of :id, its :owner and :epoch.
id = :id AND owner = :owner AND epoch = :epoch AND ended_at IS NULL
