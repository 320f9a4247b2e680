-- When an operator last acknowledged {argument}; before all times if that never happened.
coalesce((SELECT max(at) FROM operations WHERE action = 'acknowledge {argument}'), '-infinity')
