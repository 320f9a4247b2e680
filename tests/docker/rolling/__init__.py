"""All processes of docker-compose.yml are replaced under load: `python -m tests.docker.rolling`."""
