"""Models of the API, for OpenAPI and to check what is sent: one module for each subject."""
