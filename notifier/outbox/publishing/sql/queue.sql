-- Fragment: the name of the queue of a publication `p`, as notifier/lanes.py has it.
p.channel || coalesce(':' || p.lane, '')
