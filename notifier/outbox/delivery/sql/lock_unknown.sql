-- Lock those of :ids that are still unknown. Deliveries are locked before `due` rows, as in every other statement:
-- the settlement of feedback on the same deliveries would otherwise end in a deadlock with this transaction.
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND d.status = 'unknown'
ORDER BY d.notification_id FOR UPDATE
