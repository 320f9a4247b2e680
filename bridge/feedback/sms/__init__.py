"""Events of SMS that AWS End User Messaging sends to the feedback queue."""
