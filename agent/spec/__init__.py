"""service.yaml -> ServiceSpec, or every Problem at once. Pure: no I/O but what the caller hands in."""
