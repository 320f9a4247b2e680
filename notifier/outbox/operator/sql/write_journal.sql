-- Write down what the operator :actor did: the :action, the :reason, its :scope, the number of :deliveries.
INSERT INTO operations (actor, action, reason, scope, deliveries)
VALUES (:actor, :action, :reason, :scope, :deliveries)
