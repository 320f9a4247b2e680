-- Whether the time :since has not come yet, by the database's clock.
SELECT CAST(:since AS timestamptz) > now()
