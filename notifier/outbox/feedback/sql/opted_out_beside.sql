-- Fragment: whether the recipient has opted out beside the graver reason of a suppression. The column stays true once the
-- graver one is lifted.
opted_out AND reason <> 'unsubscribe' AS opted_out
