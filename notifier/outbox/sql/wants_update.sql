-- Fragment: whether an update of the status in the argument is wanted of a delivery with these `wanted_updates`.
wanted_updates IS NOT NULL AND wanted_updates & {update_bit {argument}} > 0
