"""What tests share: a real Redis, the service in real processes, the sandbox."""
