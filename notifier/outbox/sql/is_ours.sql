-- Fragment: the condition that the delivery `d` is to be sent by the :channel: it may have gone on to another one since
-- its message was published.
coalesce(d.channel, :channel) = :channel
