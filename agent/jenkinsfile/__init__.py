"""ServiceSpec -> Jenkinsfile text. Every value goes through a typed literal; no I/O but reading templates."""
