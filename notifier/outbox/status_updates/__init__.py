"""Status updates that wait for their destination."""
