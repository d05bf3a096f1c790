"""service.yaml -> ServiceSpec, or every Problem at once. Pure, but for `agent.spec.files`, which reads a disk."""
