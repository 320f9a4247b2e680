-- Up to when an operator has acknowledged {argument}: what the journal's row begins with, or its own time if it does not
-- say; before all times if that never happened.
coalesce((SELECT max(least(at, substring(scope FROM '^until=([^ ]+)')::timestamptz)) FROM operations
          WHERE action = 'acknowledge {argument}'), '-infinity')
