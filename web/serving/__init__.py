"""What all servers of web pages share: security headers, probes of health, uvicorn."""
